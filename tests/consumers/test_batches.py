"""Events that trickle in wait a little for others of their transaction, and the lag is asked for once a second."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import nats
import pytest
from example_events import a_signal
from oo_consumers import streams
from oo_consumers.effect_store import Store
from oo_consumers.pull_consumer import Consumer
from oo_consumers.subscription import SUBSCRIPTIONS

EVENTS = 100
SIGNALS = next(item for item in SUBSCRIPTIONS if item.durable == "signals")


class Counted:
    """A store that counts its transactions."""

    def __init__(self, store):
        self.store, self.transactions = store, 0

    def record_all(self, source, facts):
        self.transactions += 1
        return self.store.record_all(source, facts)


class Asked:
    """A reader without messages, and a JetStream that counts how often it is asked for the lag."""

    def __init__(self):
        self.times = 0

    async def fetch(self, *_, **__):
        return []

    async def consumer_info(self, *_):
        self.times += 1
        return SimpleNamespace(num_pending=0, num_ack_pending=0)


@pytest.fixture
def store(tmp_path):
    store = Store.open(f"sqlite:///{tmp_path}/effects.db")
    yield store
    store.close()


async def trickled(server, store, linger_s):
    """Transactions that a hundred events took, published one after another in about a second."""
    connection, counted, stop = await nats.connect(server.url), Counted(store), asyncio.Event()
    js = connection.jetstream()
    await streams.ensure_streams(js)
    consumer = Consumer(connection, SIGNALS, counted, stop, linger_s=linger_s)
    running = asyncio.create_task(consumer.run())
    for place in range(EVENTS):
        await js.publish("signals.app_opened", a_signal(place).model_dump_json().encode())
        await asyncio.sleep(0.01)
    while store.counts()["signals"] < EVENTS:
        await asyncio.sleep(0.02)
    stop.set()
    await running
    info = await js.consumer_info("SIGNALS", "signals")
    await connection.close()
    return counted.transactions, info.num_ack_pending


@pytest.mark.real
async def test_events_that_trickle_in_share_transactions(server, store):
    transactions, waiting = await trickled(server, store, linger_s=0.2)

    assert transactions <= EVENTS / 4
    assert waiting == 0


async def test_the_lag_is_asked_for_once_a_second():
    asked = Asked()
    consumer = Consumer(connection=None, subscription=SIGNALS, store=None, stop=asyncio.Event())

    for _ in range(50):
        await consumer._batch(asked, asked, dead_letters=None)

    assert asked.times == 1
