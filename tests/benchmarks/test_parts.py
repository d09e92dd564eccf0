"""Where the time of a call goes, and how quick a training is."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime

import pytest
from oo_bench.server_timing import parse_server_timing
from oo_bench.training import train
from oo_consumers.effect_store import Store
from oo_pipelines.simulation.simulate import Simulation
from oo_pipelines.simulation.simulated_users import SimulatedUsers

SOURCES = {"ScoreDecision": "decisions", "Feedback": "feedback"}


def test_the_parts_of_a_server_timing_header_are_read():
    assert parse_server_timing(b"features;dur=1.250, predictor;dur=0.4") == {"features": 1.25, "predictor": 0.4}
    assert parse_server_timing(b"") == {}


@pytest.mark.long
def test_a_training_takes_in_the_closed_rounds_of_a_store(tmp_path):
    url, now = f"sqlite:///{tmp_path}/effects.db", datetime.now(UTC)
    events = [event for _, event in Simulation(SimulatedUsers(1, 100), now, 4).events()]
    with closing(Store.open(url)) as store:
        for kind, source in SOURCES.items():
            store.record_all(source, [event for event in events if type(event).__name__ == kind])
        closed = len(list(store.rounds(now)))

    rows, seconds = train(url)

    assert rows == closed > 100
    assert seconds > 0
