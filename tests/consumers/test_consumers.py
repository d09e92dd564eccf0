"""The consumers as a process, against a real nats-server and both databases."""

from __future__ import annotations

import signal
import urllib.request

import pytest
from example_events import a_decision, a_feedback, a_signal
from waiting import eventually

pytestmark = pytest.mark.real
EVENTS = 6_000  # more than ten processes store before they are killed, also where a kill comes late


def message(subject, event, **headers):
    return subject, event.encode(), headers or None


def test_feedback_published_three_times_counts_once(server, consumers, store):
    event = a_feedback()

    server.publish(message("feedback.completed", event))
    server.publish(message("feedback.completed", event, **{"Nats-Msg-Id": "one"}))
    server.publish(message("feedback.completed", event, **{"Nats-Msg-Id": "two"}))
    server.publish(message("feedback.clicked", a_feedback(reaction="clicked")))

    assert eventually(lambda: len(store.reactions("r-1")) == 2)
    assert store.counts()["reactions"] == 2


def test_every_kind_of_event_has_its_effect(server, consumers, store):
    server.publish(
        message("signals.app_opened", a_signal()),
        message("feedback.completed", a_feedback()),
        message("decisions.score", a_decision()),
    )

    assert eventually(lambda: all(store.counts()[name] == 1 for name in ("signals", "reactions", "decisions")))


@pytest.mark.long
def test_kills_in_the_middle_lose_nothing_and_count_nothing_twice(server, consumers, store):
    """Each event waits twice, far apart; each kill comes as soon as one more batch has been committed."""
    consumers.stop(signal.SIGKILL)
    events = [message("signals.app_opened", a_signal(place)) for place in range(EVENTS)]
    server.publish(*events)
    server.publish(*events)
    left = []
    for _ in range(10):
        before = store.counts()["signals"]
        consumers.start()
        assert eventually(lambda seen=before: store.counts()["signals"] > seen, every=0.001)
        consumers.stop(signal.SIGKILL)
        left.append(server.unsettled("signals"))
    consumers.start()

    assert eventually(lambda: server.unsettled("signals") == 0, patience=60)
    assert min(left) > 0
    assert store.counts()["signals"] == EVENTS
    assert server.dead("signals") == []


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param(b"not json", "unreadable", id="not JSON"),
        pytest.param(b"{}", "unreadable: event_id", id="a field is missing"),
        pytest.param(b'{"event_id": "x", "user_id": 5}', "unreadable", id="a wrong type"),
        pytest.param(b"\xff" * 1000, "unreadable", id="bytes"),
    ],
)
def test_poison_becomes_a_dead_letter_and_the_next_message_is_handled(server, consumers, store, data, reason):
    server.publish(("signals.app_opened", data, {"Traceparent": "00-1"}), message("signals.app_opened", a_signal()))

    assert eventually(lambda: store.counts()["signals"] == 1)
    assert eventually(lambda: server.dead("signals"))
    letter = server.dead("signals")[0]
    assert letter.data == data
    assert letter.headers["Oo-Reason"].startswith(reason)
    assert letter.headers["Oo-Subject"] == "signals.app_opened"
    assert letter.headers["Traceparent"] == "00-1"
    assert letter.headers["Nats-Msg-Id"] == "signals:SIGNALS:1"  # buried twice, it is one letter


def test_nats_may_go_away_and_come_back(server, consumers, store):
    server.publish(message("signals.app_opened", a_signal(1)))
    assert eventually(lambda: store.counts()["signals"] == 1)

    server.stop(signal.SIGKILL)
    server.start()
    server.publish(message("signals.app_opened", a_signal(2)))

    assert eventually(lambda: store.counts()["signals"] == 2, patience=30)


def test_a_stop_drains(server, consumers, store):
    server.publish(*(message("signals.app_opened", a_signal(place)) for place in range(1_000)))
    assert eventually(lambda: store.counts()["signals"] > 0)

    code = consumers.stop()

    assert code == 0
    consumers.start()
    assert eventually(lambda: store.counts()["signals"] == 1_000)


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_health_and_metrics(server, consumers, store):
    url = f"http://127.0.0.1:{consumers.environ['OO_CONSUMER_HTTP_PORT']}"

    def get(path):
        with urllib.request.urlopen(url + path) as reply:  # noqa: S310  # our own loopback server
            return reply.read().decode()

    server.publish(message("signals.app_opened", a_signal(1)))
    assert eventually(lambda: store.counts()["signals"] == 1)

    assert "ok" in get("/healthz/live") + get("/healthz/ready")
    stored = 'oo_consumed_total{durable="signals",outcome="stored"} 1.0'  # is counted when the commit has come back
    assert eventually(lambda: stored in get("/metrics"))
    assert eventually(lambda: 'oo_consumer_lag{durable="signals"} 0.0' in get("/metrics"))


@pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
def test_two_processes_share_a_durable_and_count_once(server, consumers, second, store):
    events = [message("signals.app_opened", a_signal(place)) for place in range(2_000)]

    server.publish(*events)
    server.publish(*reversed(events))

    assert eventually(lambda: store.counts()["signals"] == 2_000)
    assert eventually(lambda: server.unsettled("signals") == 0)
    assert store.counts()["signals"] == 2_000
