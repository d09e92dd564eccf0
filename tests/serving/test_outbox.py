"""The outbox against a real nats-server: what was put arrives, once, and never costs more than was allowed."""

from __future__ import annotations

import asyncio
import signal
from datetime import UTC, datetime

from oo_contracts.events import Signal
from oo_contracts.limits import MAX_EVENT_BYTES
from oo_serving.outbox import Outbox

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def event(place, **data):
    return Signal(event_id=f"s-{place}", user_id="u-1", type="app_opened", occurred_at=NOON, data=data)


def put(outbox, places):
    for place in places:
        outbox.put("signals.app_opened", event(place))


async def test_an_event_is_stored_under_its_own_id(server, outbox, make_streams, stored, emptied):
    server.start()
    await make_streams()
    outbox.start()

    put(outbox, range(200))
    await emptied(outbox)

    assert sorted(await stored("SIGNALS")) == sorted((f"s-{place}", f"s-{place}") for place in range(200))


async def test_nats_may_be_absent_at_the_start(server, outbox, make_streams, stored, emptied):
    outbox.start()
    put(outbox, range(10))
    await asyncio.sleep(0.2)

    server.start()
    await make_streams()
    await emptied(outbox)

    assert len(await stored("SIGNALS")) == 10


async def test_streams_may_be_made_later(server, outbox, make_streams, stored, emptied):
    server.start()
    outbox.start()
    put(outbox, range(10))
    await asyncio.sleep(0.2)

    await make_streams()
    await emptied(outbox)

    assert len(await stored("SIGNALS")) == 10


async def test_kills_of_nats_lose_nothing_and_double_nothing(server, outbox, make_streams, stored, emptied):
    server.start()
    await make_streams()
    outbox.start()

    for kill in range(3):
        put(outbox, range(kill * 500, kill * 500 + 500))
        await asyncio.sleep(0.02)  # in the middle of publishing
        server.stop(signal.SIGKILL)
        put(outbox, range(10_000 + kill * 100, 10_000 + kill * 100 + 100))
        server.start()
    await emptied(outbox, patience=60)

    found = [event_id for _, event_id in await stored("SIGNALS")]
    assert (len(found), len(set(found))) == (1_800, 1_800)
    assert outbox.dropped == 0


async def test_a_full_outbox_refuses_and_counts_what_it_refused(server, make_streams, stored, emptied, caplog):
    outbox = Outbox(server.url, capacity=5)
    put(outbox, range(12))
    server.start()
    await make_streams()

    outbox.start()
    await emptied(outbox)
    await outbox.stop()

    assert outbox.dropped == 7
    assert [event_id for _, event_id in await stored("SIGNALS")] == [f"s-{place}" for place in range(5)]
    assert caplog.text.count("the outbox is full") == 1


async def test_a_full_outbox_refuses_the_noisy_and_keeps_what_the_others_put(server, make_streams, stored, emptied):
    outbox = Outbox(server.url, capacity=100)
    for place in range(2_000):
        outbox.put("signals.app_opened", event(f"noisy-{place}"), "noisy")
        if place % 100 == 0:
            outbox.put("signals.app_opened", event(f"quiet-{place}"), f"user-{place}")
    server.start()
    await make_streams()

    outbox.start()
    await emptied(outbox)
    await outbox.stop()

    found = [event_id for _, event_id in await stored("SIGNALS")]
    assert [name for name in found if "quiet" in name] == [f"s-quiet-{place}" for place in range(0, 2_000, 100)]
    assert (len(found), outbox.dropped) == (100, 1_920)


async def test_large_events_cannot_fill_the_memory(server):
    outbox = Outbox(server.url, max_bytes=1_000_000)

    for place in range(100):
        outbox.put("signals.app_opened", event(place, text="x" * 100_000))

    assert (outbox.depth, outbox.dropped) == (9, 91)


async def test_an_event_that_nats_never_takes_does_not_hold_up_the_others(
    server, outbox, make_streams, stored, emptied
):
    server.start()
    await make_streams()
    outbox.start()

    for place in range(7):
        outbox.put("signals.app_opened", event(f"large-{place}", text="x" * (8 << 20)))
    put(outbox, range(10))
    await emptied(outbox)

    assert len(await stored("SIGNALS")) == 10
    assert outbox.dropped == 7


async def test_the_largest_event_arrives(server, outbox, make_streams, stored, emptied):
    server.start()
    await make_streams()
    outbox.start()

    outbox.put("signals.app_opened", event("largest", text="x" * (MAX_EVENT_BYTES - 1_000)))
    await emptied(outbox)

    assert (await stored("SIGNALS"), outbox.dropped) == ([("s-largest", "s-largest")], 0)


async def test_an_event_that_cannot_be_encoded_is_dropped_and_counted(outbox):
    outbox.put("signals.app_opened", event(1, thing=object()))

    assert (outbox.depth, outbox.dropped) == (0, 1)


async def test_stopping_publishes_what_is_left(server, outbox, make_streams, stored):
    server.start()
    await make_streams()
    outbox.start()
    put(outbox, range(1_000))

    await outbox.stop(deadline=60)

    assert len(await stored("SIGNALS")) == 1_000


async def test_stopping_without_nats_ends_at_the_deadline_and_says_what_is_lost(outbox, caplog):
    outbox.start()
    put(outbox, range(3))

    async with asyncio.timeout(5):
        await outbox.stop(deadline=0.2)

    assert "3 events were not published" in caplog.text


async def test_an_absent_nats_is_said_once_and_not_at_every_try(outbox, caplog):
    outbox.start()

    put(outbox, range(100))
    await asyncio.sleep(1.5)

    assert 1 <= len(caplog.records) <= 3
