"""The consumers as a process while NATS, a stream or the database is away, and when told to stop meanwhile."""

from __future__ import annotations

import asyncio
import signal
import urllib.error
import urllib.request

import nats
import pytest
from example_events import a_signal
from oo_contracts.limits import MAX_EVENT_BYTES
from sqlalchemy import create_engine, text
from waiting import eventually

pytestmark = [pytest.mark.long, pytest.mark.real]

MAX_PAYLOAD = 8 << 20  # of the NATS that we configure
on_sqlite = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
on_postgresql = pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)


def message(place, **headers):
    return "signals.app_opened", a_signal(place).model_dump_json().encode(), headers or None


def status(consumers, path):
    """The status that a probe sees; 0 while nobody listens."""
    url = f"http://127.0.0.1:{consumers.environ['OO_CONSUMER_HTTP_PORT']}{path}"
    try:
        with urllib.request.urlopen(url, timeout=5) as reply:
            return reply.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def administered(url, *statements):
    """Run statements in another database of the same server, as its administrator."""
    engine = create_engine(url.replace("/postgres?", "/template1?"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


@on_sqlite
def test_without_nats_it_is_alive_not_ready_and_stops_when_told(consumers, server):
    server.stop(signal.SIGKILL)
    consumers.stop(signal.SIGKILL)
    consumers.start()

    assert eventually(lambda: status(consumers, "/healthz/live") == 200)
    assert status(consumers, "/healthz/ready") == 503
    assert consumers.stop() == 0
    server.start()


@on_sqlite
def test_it_stops_when_told_after_nats_went_away(consumers, server):
    assert eventually(lambda: status(consumers, "/healthz/ready") == 200)
    server.stop(signal.SIGKILL)
    assert eventually(lambda: status(consumers, "/healthz/ready") == 503)

    assert consumers.stop() == 0
    server.start()


@on_sqlite
def test_it_starts_before_nats_does(consumers, server, store):
    server.stop(signal.SIGKILL)
    consumers.stop(signal.SIGKILL)
    consumers.start()
    assert eventually(lambda: status(consumers, "/healthz/live") == 200)

    server.start()
    server.publish(message(1))

    assert eventually(lambda: store.counts()["signals"] == 1)


@on_sqlite
@pytest.mark.parametrize("lost", ["stream", "consumer"])
def test_it_makes_again_what_nats_has_lost(consumers, server, store, lost):
    server.publish(message(1))
    assert eventually(lambda: store.counts()["signals"] == 1)

    asyncio.run(forget(server.url, lost))
    server.publish(message(2))

    assert eventually(lambda: store.counts()["signals"] == 2)


async def forget(url, lost):
    connection = await nats.connect(url)
    js = connection.jetstream()
    await (js.delete_stream("SIGNALS") if lost == "stream" else js.delete_consumer("SIGNALS", "signals"))
    await connection.close()


@on_sqlite
@pytest.mark.parametrize("headers", [{}, {"X-Long": "x" * 65_300}], ids=["data", "headers"])
def test_poison_as_large_as_the_server_allows_becomes_a_dead_letter_that_fits(consumers, server, store, headers):
    room = MAX_PAYLOAD - 64 - sum(len(name) + len(value) for name, value in headers.items())
    server.publish(("signals.app_opened", b"x" * room, headers or None), message(1))

    assert eventually(lambda: server.dead("signals"))
    letter = server.dead("signals")[0]
    assert letter.headers["Oo-Truncated"] == str(room)
    assert len(letter.data) > MAX_PAYLOAD - 140_000
    assert letter.headers["Oo-Subject"] == "signals.app_opened"
    assert eventually(lambda: store.counts()["signals"] == 1)


@on_sqlite
@pytest.mark.parametrize("headers", [{}, {"X-Long": "x" * 59_000}], ids=["data", "headers"])
def test_the_largest_event_is_a_dead_letter_whole(consumers, server, headers):
    data = b"x" * MAX_EVENT_BYTES
    server.publish(("decisions.score", data, headers or None))

    assert eventually(lambda: server.dead("decisions"))
    letter = server.dead("decisions")[0]
    assert letter.data == data
    assert "Oo-Truncated" not in letter.headers
    assert letter.headers["Oo-Subject"] == "decisions.score"


@on_postgresql
def test_nothing_is_lost_while_the_database_is_away(consumers, server, store, store_url):
    server.publish(*(message(place) for place in range(50)))
    assert eventually(lambda: store.counts()["signals"] == 50)

    administered(
        store_url,
        "alter database postgres allow_connections false",
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = 'postgres'",
    )
    server.publish(*(message(place) for place in range(50, 300)))
    assert eventually(lambda: 'outcome="waiting"' in metrics(consumers))
    administered(store_url, "alter database postgres allow_connections true")

    assert eventually(lambda: store.counts()["signals"] == 300, patience=30)
    assert server.dead("signals") == []


def metrics(consumers):
    url = f"http://127.0.0.1:{consumers.environ['OO_CONSUMER_HTTP_PORT']}/metrics"
    with urllib.request.urlopen(url, timeout=5) as reply:
        return reply.read().decode()


@on_postgresql
def test_it_stops_when_told_while_somebody_holds_a_lock(consumers, server, store, store_url):
    assert eventually(lambda: status(consumers, "/healthz/ready") == 200)
    holder = create_engine(store_url)
    with holder.begin() as connection:
        connection.execute(text("lock table inbox in access exclusive mode"))
        server.publish(message(1))
        assert eventually(lambda: waiting_for_a_lock(store_url))

        code = consumers.stop()
    holder.dispose()

    assert code == 0
    consumers.start()
    assert eventually(lambda: store.counts()["signals"] == 1)


def waiting_for_a_lock(url):
    engine = create_engine(url)
    with engine.connect() as connection:
        found = connection.execute(text("select count(*) from pg_locks where not granted")).scalar_one()
    engine.dispose()
    return found


@on_sqlite
def test_a_store_from_the_future_is_refused_in_one_line(server, store, consumers, capfd):
    consumers.stop()
    with store.engine.begin() as connection:
        connection.execute(text("update schema_versions set version = 99"))
    capfd.readouterr()

    consumers.start()

    assert consumers.process.wait(20) == 1
    assert "oo_consumers: the tables are of version 99" in capfd.readouterr().err.splitlines()[-1]


@on_sqlite
def test_a_port_that_is_taken_is_one_line(server, store, consumers, capfd):
    assert eventually(lambda: status(consumers, "/healthz/ready") == 200)  # the first says nothing more from here on
    second = type(consumers)(server.url, consumers.environ["OO_CONSUMER_STORE_URL"])
    second.environ["OO_CONSUMER_HTTP_PORT"] = consumers.environ["OO_CONSUMER_HTTP_PORT"]
    capfd.readouterr()

    second.start()

    assert second.process.wait(20) == 1
    assert consumers.environ["OO_CONSUMER_HTTP_PORT"] in capfd.readouterr().err.splitlines()[-1]
