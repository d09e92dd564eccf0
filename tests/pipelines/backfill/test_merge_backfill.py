"""A backfill adds what a round never had; what was served is never replaced by what it would be today."""

from __future__ import annotations

import dataclasses
import math
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from oo_consumers.effect_store import Store
from oo_contracts.events import Feedback, ScoreDecision
from oo_decisions.round import Round
from oo_features.feature_sets import RANKER_V1
from oo_pipelines.backfill.backfill_options import BadBackfillInput
from oo_pipelines.backfill.merge_backfill import merge_backfill, read_columns
from oo_pipelines.settings import PipelineSettings
from oo_pipelines.simulation.simulate import Simulation
from oo_pipelines.simulation.simulated_users import SimulatedUsers
from oo_pipelines.training import train
from oo_pipelines.training.dataset import NotEnough, gather

NEW = "active_days_14d"  # as if it had been declared yesterday
PLACE = RANKER_V1.names.index(f"profile.{NEW}")


@pytest.fixture(scope="module")
def served():
    """Rounds of today's features, whose calls never shipped the new one."""
    events = [
        event for _, event in Simulation(SimulatedUsers(1, 60), datetime(2026, 11, 23, 12, tzinfo=UTC), 2).events()
    ]
    shown = {event.request_id for event in events if isinstance(event, Feedback)}
    decisions = [event for event in events if isinstance(event, ScoreDecision) and event.request_id in shown]
    return [_round(_unshipped(event), place) for place, event in enumerate(decisions) if event.moment.profile]


def _round(decision, place):
    return Round(decision, float(place % 2), decision.decided_at, "v1")


def _unshipped(decision):
    profile = (
        {name: value for name, value in decision.moment.profile.items() if name != NEW}
        if decision.moment.profile
        else None
    )
    moment = decision.moment.model_copy(update={"profile": profile})
    return _with_rows(decision.model_copy(update={"moment": moment}), lambda row: _put(row, 7.0))  # the fallback


def _with_rows(decision, change):
    candidates = tuple(item.model_copy(update={"row": change(item.row)}) for item in decision.candidates)
    return decision.model_copy(update={"candidates": candidates})


def _put(row, value):
    return (*row[:PLACE], value, *row[PLACE + 1 :])


def _cut(row):
    return (*row[:PLACE], *row[PLACE + 1 :])


def _before(item, change=_cut):
    """The round as it was served before the feature was there."""
    decision = _with_rows(item.decision, change).model_copy(update={"feature_set": "ranker-v1@before"})
    return dataclasses.replace(item, decision=decision)


def _known(rounds, value=7.0):
    return {NEW: {item.decision.request_id: value for item in rounds}}


def test_an_older_round_gets_the_column_and_is_else_what_was_served(served):
    old = [_before(item) for item in served]

    assert len(old) > 20
    assert list(merge_backfill(old, RANKER_V1, _known(old))) == served
    assert [item.decision.candidates[0].row[PLACE] for item in merge_backfill(old, RANKER_V1, _known(old, 3.0))] == [
        3.0
    ] * len(old)


def test_without_its_backfill_it_is_set_aside(served):
    old = [_before(item) for item in served]

    data = gather([*served, *merge_backfill(old, RANKER_V1, {NEW: {}})], RANKER_V1.ref, 10)

    assert (len(data), data.n_excluded) == (len(served), len(old))


def test_a_served_value_is_never_replaced(served):
    assert list(merge_backfill(served, RANKER_V1, _known(served, 3.0))) == served


def test_a_round_whose_rows_have_the_feature_is_no_older_one(served):
    other = [_before(item, tuple) for item in served]

    assert list(merge_backfill(other, RANKER_V1, _known(other, 3.0))) == other


def test_one_other_bit_in_what_was_served_sets_it_aside(served):
    old = [_before(item, lambda row: (math.nextafter(row[0], math.inf), *_cut(row)[1:])) for item in served]

    assert list(merge_backfill(old, RANKER_V1, _known(old))) == old


def test_what_a_call_had_shipped_beats_the_backfill(served):
    decision = served[0].decision
    profile = {**decision.moment.profile, NEW: 11}
    shipped = decision.model_copy(update={"moment": decision.moment.model_copy(update={"profile": profile})})
    old = _before(dataclasses.replace(served[0], decision=shipped))

    (wide,) = merge_backfill([old], RANKER_V1, _known([old], 3.0))

    assert {item.row[PLACE] for item in wide.decision.candidates} == {11.0}


def test_columns_are_what_a_backfill_wrote(tmp_path):
    pq.write_table(pa.table({"request_id": ["r"], NEW: pa.array([0.1], pa.float32())}), tmp_path / "new.parquet")
    pq.write_table(pa.table({"request_id": ["r"]}), tmp_path / "other.parquet")

    found = read_columns([str(tmp_path / "new.parquet")], RANKER_V1)

    assert found == {NEW: {"r": pa.scalar(0.1, pa.float32()).as_py()}}
    with pytest.raises(BadBackfillInput, match=r"--backfill: .*other\.parquet"):
        read_columns([str(tmp_path / "other.parquet")], RANKER_V1)


def test_training_reads_the_backfill_of_older_rounds(served, tmp_path):
    old = [_before(item).decision for item in served]
    shown = [
        Feedback(
            event_id=f"f-{of.request_id}",
            request_id=of.request_id,
            candidate_id=of.chosen_id,
            user_id=of.user_id,
            reaction="completed" if place % 2 else "shown",
            occurred_at=of.decided_at,
        )
        for place, of in enumerate(old)
    ]
    settings = PipelineSettings(store_url=f"sqlite:///{tmp_path}/effects.db", min_rounds=50)
    store = Store.open(settings.store_url)
    store.record_all("decisions", old)
    store.record_all("feedback", shown)
    store.close()
    wrote = {"request_id": [of.request_id for of in old], NEW: pa.array([3.0] * len(old), pa.float32())}
    pq.write_table(pa.table(wrote), tmp_path / "new.parquet")

    data = train._read(settings, datetime(2026, 11, 30, tzinfo=UTC), [str(tmp_path / "new.parquet")])

    assert (len(data), data.n_excluded) == (len(old), 0)
    assert set(data.rows[:, PLACE]) == {3.0}
    with pytest.raises(NotEnough):
        train._read(settings, datetime(2026, 11, 30, tzinfo=UTC), [])
