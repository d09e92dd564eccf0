"""What `oo-ml status` shows of a stack: what it was last recorded to be, whether or not its supervisor lives."""

from __future__ import annotations

import io
import os
import time

import pytest
from oo_cli.render_stack import stack_table
from oo_contracts.stack_status import ProcessStatus, StackStatus, read_status, status_file
from rich.console import Console

# As a supervisor of an earlier version wrote it: without warnings, and without what keeps a reader from its work.
EARLIER = """{
 "phase": "ready", "pid": 4194305, "ingress": "http://127.0.0.1:8080", "port": 8080, "data": "/data",
 "nats_url": "nats://127.0.0.1:8090", "store_url": "sqlite:////data/effects.db", "mlflow_url": "http://127.0.0.1:8089",
 "champion": "1", "challenger": null, "error": null,
 "processes": [{"name": "nats", "state": "ready", "pid": 4194306, "port": 8090, "restarts": 0, "since": 1795900000.5,
                "took": 0.2, "last_exit": null}]
}"""


def status(**more):
    plain = dict.fromkeys(("nats_url", "store_url", "mlflow_url"), "")
    plain |= {"phase": "ready", "pid": os.getpid(), "ingress": "http://127.0.0.1:8080", "port": 8080}
    plain |= {"data": "/data", "error": None, "champion": "1", "challenger": None, "processes": ()}
    return StackStatus(**(plain | more))


def shown(status):
    console = Console(record=True, width=200, file=io.StringIO())
    console.print(stack_table(status))
    return console.export_text()


PROCESS = ProcessStatus("mlflow", "stopped", None, 1, 0, time.time() - 5_000, None, None)


def test_a_stack_that_failed_says_why_and_counts_no_longer():
    said = shown(status(phase="failed", pid=2**22 + 1, error="mlflow was late", processes=(PROCESS,)))

    assert "failed" in said.splitlines()[0]
    assert "failed: mlflow was late" in said
    assert " s " not in said.splitlines()[4]


def test_a_stack_that_was_stopped_is_stopped():
    said = shown(status(phase="stopped", pid=2**22 + 1, processes=(PROCESS,)))

    assert "stopped" in said.splitlines()[0]
    assert "failed" not in said


@pytest.mark.parametrize("phase", ["failed", "stopped"])
def test_a_stack_that_has_ended_runs_no_more_though_its_process_number_is_used_again(phase):
    """In a container that is started again, by the next supervisor."""
    assert not status(phase=phase, pid=os.getpid()).running


def test_a_supervisor_that_died_without_a_word_has_stopped():
    assert "stopped" in shown(status(phase="ready", pid=2**22 + 1)).splitlines()[0]


def test_a_running_stack_shows_its_warnings():
    assert "warning: version 2 is not served" in shown(status(warnings=("version 2 is not served",)))


def test_the_status_of_an_earlier_version_is_read(tmp_path):
    file = status_file(tmp_path)
    file.parent.mkdir()
    file.write_text(EARLIER)

    earlier = read_status(tmp_path)

    assert (earlier.warnings, earlier.running, earlier.processes[0].lag) == ((), False, None)
    assert "stopped" in shown(earlier).splitlines()[0]
