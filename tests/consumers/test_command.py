"""`python -m oo_consumers` as a person and a probe meet it."""

from __future__ import annotations

import subprocess
import sys

import pytest
from example_events import a_feedback, a_signal
from waiting import eventually

pytestmark = pytest.mark.real

on_sqlite = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)


def told(*arguments, **environ):
    return subprocess.run(
        [sys.executable, "-P", "-m", "oo_consumers", *arguments],
        env=environ,
        check=False,
        capture_output=True,
        text=True,
        timeout=30,
    )


def test_help_names_the_durables_and_the_variables():
    shown = told("--help")

    assert shown.returncode == 0
    assert "signals,feedback,decisions,predictions" in shown.stdout
    assert "OO_CONSUMER_STORE_URL" in shown.stdout


@pytest.mark.parametrize(
    ("arguments", "environ", "line"),
    [
        pytest.param(["--only", "feedbacks"], {}, "no such durable: feedbacks", id="an unknown durable"),
        pytest.param([], {"OO_CONSUMER_NATS_ULR": "x"}, "OO_CONSUMER_NATS_ULR", id="a misspelt variable"),
        pytest.param([], {"OO_CONSUMER_HTTP_PORT": "many"}, "OO_CONSUMER_HTTP_PORT", id="a port that is none"),
        pytest.param([], {"OO_CONSUMER_ACK_WAIT_MS": "1"}, "OO_CONSUMER_ACK_WAIT_MS", id="too short"),
    ],
)
def test_what_is_told_wrongly_is_one_line_that_names_it(arguments, environ, line):
    refused = told(*arguments, **environ)

    assert refused.returncode == 2
    assert line in refused.stderr.splitlines()[-1]
    assert "Traceback" not in refused.stderr


def test_a_store_that_is_none_is_one_line(server):
    refused = told(
        OO_CONSUMER_NATS_URL=server.url,
        OO_CONSUMER_STORE_URL="mysql://root:secret@host/name",
        OO_CONSUMER_HTTP_PORT="0",
    )

    assert refused.returncode == 1
    assert "mysql" in refused.stderr.splitlines()[-1]
    assert "Traceback" not in refused.stderr
    assert "secret" not in refused.stderr


@on_sqlite
def test_only_some_durables(server, consumers, store):
    consumers.stop()
    consumers.start("--only", "feedback")
    server.publish(("signals.app_opened", a_signal().model_dump_json().encode(), None))
    server.publish(("feedback.completed", a_feedback().model_dump_json().encode(), None))

    assert eventually(lambda: store.counts()["reactions"] == 1)
    assert store.counts()["signals"] == 0


@on_sqlite
def test_after_a_stop_whatever_was_stored_is_acknowledged(server, consumers, store):
    consumers.stop()
    events = [("signals.app_opened", a_signal(place).model_dump_json().encode(), None) for place in range(5_000)]
    server.publish(*events)
    consumers.start()
    assert eventually(lambda: store.counts()["signals"] > 0, every=0.001)

    assert consumers.stop() == 0

    assert store.counts()["signals"] > 0
    assert store.counts()["signals"] + server.unsettled("signals") == 5_000
