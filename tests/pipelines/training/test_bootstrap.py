"""The first champion, made once, by a job that may start before what it needs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import pytest
from oo_model_cards.registry import Registry

pytestmark = pytest.mark.long

SMALL = ("--days", "4", "--users", "120")


@pytest.fixture
def job(server, tmp_path):
    """Start the job; a mapping of its environment to look at."""
    told = {
        "OO_PIPELINE_NATS_URL": server.url,
        "OO_PIPELINE_STORE_URL": f"sqlite:///{tmp_path}/effects.db",
        "OO_PIPELINE_TRACKING_URI": f"sqlite:///{tmp_path}/mlflow.db",
    }
    command = (sys.executable, "-P", "-m", "oo_pipelines", "--output", "json", "bootstrap", *SMALL)
    running = []

    def started(*words):
        pipe = subprocess.PIPE
        running.append(
            subprocess.Popen(
                [*command, *words], env=os.environ | told, stdout=pipe, stderr=pipe, text=True, cwd=tmp_path
            )
        )
        return running[-1]

    started.tracking_uri = told["OO_PIPELINE_TRACKING_URI"]
    yield started
    for process in running:
        process.kill()
        process.communicate()


def test_the_first_champion_is_made_once(job, consumers):
    first, _ = job().communicate(timeout=120)
    again, _ = job().communicate(timeout=120)

    assert json.loads(first)["alias"] == "champion"
    assert json.loads(again)["champion"] == "1"
    assert Registry(job.tracking_uri).aliases("tip-ranker") == {"champion": "1"}


def test_it_waits_for_what_is_not_up_yet(job, server):
    server.stop()
    waiting = job("--wait", "60")
    time.sleep(8)

    assert waiting.poll() is None, waiting.communicate()


def test_without_waiting_an_absent_server_is_exit_code_1(job, server):
    server.stop()

    _, said = (process := job()).communicate(timeout=120)

    assert process.returncode == 1
    assert "Traceback" not in said
