"""From a simulated past to a registered version: the truth is learnt, and nothing that must not teach does."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from oo_consumers.effect_store import Store
from oo_contracts.events import Feedback, ScoreDecision
from oo_features.feature_sets import RANKER_V1
from oo_model_cards.registry import Registry
from oo_pipelines.settings import PipelineSettings
from oo_pipelines.simulation import simulate
from oo_pipelines.simulation.simulate import Simulation
from oo_pipelines.simulation.simulated_users import SimulatedUsers
from oo_pipelines.training import ranker_training, train
from oo_pipelines.training.dataset import NotEnough, gather
from oo_pipelines.training.model_evaluation import evaluate_model

pytestmark = pytest.mark.long

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SOURCES = {"ScoreDecision": "decisions", "Feedback": "feedback", "Signal": "signals"}


@pytest.fixture(scope="module")
def events():
    return [event for _, event in Simulation(SimulatedUsers(1, 150), NOW, 7).events()]


@pytest.fixture(scope="module")
def store(events, tmp_path_factory):
    store = Store.open(f"sqlite:///{tmp_path_factory.mktemp('past')}/effects.db")
    for kind, source in SOURCES.items():
        store.record_all(source, [event for event in events if type(event).__name__ == kind])
    yield store
    store.close()


@pytest.fixture(scope="module")
def data(store):
    return gather(store.rounds(NOW), RANKER_V1.ref, 100)


def settings(store, tmp_path, **more):
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    return PipelineSettings(store_url=str(store.engine.url), tracking_uri=uri, **more)


def quiet(what, done, of):
    pass


def test_the_same_seed_is_the_same_past(events):
    again = [event for _, event in Simulation(SimulatedUsers(1, 150), NOW, 7).events()]

    assert [event.model_dump_json() for event in again] == [event.model_dump_json() for event in events]


def test_another_day_repeats_the_days_they_share():
    first = {event.event_id: event for _, event in Simulation(SimulatedUsers(1, 5), NOW, 7).events()}
    later = {
        event.event_id: event for _, event in Simulation(SimulatedUsers(1, 5), NOW + timedelta(days=3), 7).events()
    }

    shared = first.keys() & later.keys()

    assert len(shared) > len(first) / 3
    assert all(first[key] == later[key] for key in shared)


def test_a_tip_that_was_not_shown_is_no_row(events, data):
    decided = sum(isinstance(event, ScoreDecision) for event in events)
    shown = len({event.request_id for event in events if isinstance(event, Feedback)})

    assert len(data) == shown
    assert 0.55 < shown / decided < 0.75


def test_every_row_is_the_one_that_was_served(events, data):
    served = {event.request_id: event for event in events if isinstance(event, ScoreDecision)}
    seen = {event.request_id for event in events if isinstance(event, Feedback)}
    in_time = sorted((event for key, event in served.items() if key in seen), key=lambda event: event.decided_at)

    chosen = [next(item.row for item in event.candidates if item.id == event.chosen_id) for event in in_time]

    assert np.array_equal(np.array(chosen, dtype=np.float32), data.rows)


def test_the_split_is_by_time(data):
    taught, held_out = data.split(0.75)

    assert max(taught.at) <= min(held_out.at)
    assert len(taught) + len(held_out) == len(data)


def test_what_is_true_is_learnt(data):
    taught, held_out = data.split(0.75)
    chance = ranker_training.probabilities(ranker_training.fit_ranker(taught, 1), held_out.rows)

    found = {item.name: item.estimate for item in evaluate_model(held_out, chance, np.ones(len(held_out)), 1).metrics}

    assert found["auc"].low > 0.55
    assert found["log_loss"].value < found["log_loss_of_a_constant"].value


def test_labels_that_mean_nothing_teach_nothing(data):
    shuffled = dataclasses.replace(data, label=np.random.default_rng(1).permutation(data.label))
    taught, held_out = shuffled.split(0.75)
    chance = ranker_training.probabilities(ranker_training.fit_ranker(taught, 1), held_out.rows)

    found = {item.name: item.estimate for item in evaluate_model(held_out, chance, np.ones(len(held_out)), 1).metrics}

    assert found["auc"].low < 0.5 < found["auc"].high


def test_the_same_log_and_seed_are_the_same_files(data):
    first, second = (
        ranker_training.export_ranker(ranker_training.fit_ranker(data, 1), RANKER_V1, data.rows).files for _ in range(2)
    )

    assert (first.skops, first.onnx) == (second.skops, second.onnx)


def test_another_seed_or_log_is_another_model(data):
    fewer = data.part(slice(0, len(data) - 200))

    models = [
        ranker_training.export_ranker(ranker_training.fit_ranker(some, 1), RANKER_V1, data.rows).files.onnx
        for some in (data, fewer)
    ]

    assert models[0] != models[1]


def test_a_graph_that_answers_otherwise_is_left_out(data):
    exported = ranker_training.export_ranker(ranker_training.fit_ranker(data, 1), RANKER_V1, data.rows, tolerance=1e-12)

    assert exported.files.onnx is None
    assert "sklearn serves" in exported.onnx_refused


def test_too_little_is_said_with_numbers(store, tmp_path):
    with pytest.raises(NotEnough, match=r"\d+ closed rounds of ranker-v1@.*; 999999 are needed"):
        train.run(settings(store, tmp_path, min_rounds=999_999), NOW, quiet)


def relabelled(data, where, label):
    """The same rounds, with another outcome in some of them."""
    labels = data.label.copy()
    labels[where] = label
    return dataclasses.replace(data, label=labels)


@pytest.mark.parametrize(
    ("where", "label", "said"),
    [
        pytest.param(slice(None), 0, "of the oldest closed rounds", id="no reward at all"),
        pytest.param("newest", 0, "of the newest closed rounds", id="a quarter without rewards"),
        pytest.param("newest", 1, "ended with a reward", id="a quarter of nothing but rewards"),
        pytest.param("oldest", 0, "nothing to learn from", id="three quarters without rewards"),
    ],
)
def test_rounds_that_ended_alike_are_one_true_sentence(data, where, label, said):
    cut = int(len(data) * 0.75)
    where = {"newest": slice(cut, None), "oldest": slice(cut)}.get(where, where) if isinstance(where, str) else where

    with pytest.raises(NotEnough) as refused:
        relabelled(data, where, label).split(0.75)

    assert said in str(refused.value)
    assert f"{data.at[cut].astimezone(UTC):%Y-%m-%d}" in str(refused.value) or "oldest" in str(refused.value)


def test_a_model_that_was_never_followed_cannot_be_judged(data):
    _, held_out = data.split(0.75)

    with pytest.raises(NotEnough, match="none can be judged"):
        evaluate_model(held_out, np.full(len(held_out), 0.5), np.zeros(len(held_out)), 1)


def test_training_without_rewards_in_the_newest_quarter_says_so(events, tmp_path):
    """By the command that a person uses: whatever fails in it, no variable is blamed."""
    decisions = [event for event in events if isinstance(event, ScoreDecision)]
    cut = sorted(event.decided_at for event in decisions)[int(len(decisions) * 0.7)]
    late = {event.request_id for event in decisions if event.decided_at >= cut}
    store = Store.open(f"sqlite:///{tmp_path}/effects.db")
    store.record_all("decisions", decisions)
    store.record_all(
        "feedback",
        [it for it in events if isinstance(it, Feedback) and (it.reaction == "shown" or it.request_id not in late)],
    )
    store.close()
    environ = os.environ | {
        "OO_PIPELINE_STORE_URL": f"sqlite:///{tmp_path}/effects.db",
        "OO_PIPELINE_TRACKING_URI": f"sqlite:///{tmp_path}/mlflow.db",
    }

    command = [sys.executable, "-P", "-m", "oo_pipelines", "train"]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=120)

    assert done.returncode == 2
    assert "of the newest closed rounds" in done.stderr
    assert "ended without a reward" in done.stderr
    assert "OO_PIPELINE" not in done.stderr
    assert len(done.stderr.strip().splitlines()[-1]) > 40


def test_rounds_of_other_features_are_set_aside(store):
    with pytest.raises(
        NotEnough, match=r"0 closed rounds of other@0 \(\d+ more have another feature set, or rows that are not of it\)"
    ):
        gather(store.rounds(NOW), "other@0", 1)


def test_open_rounds_do_not_teach(store):
    early = NOW - timedelta(days=30)

    assert list(store.rounds(early)) == []


def test_training_registers_a_version_with_a_complete_card(store, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    told = settings(store, tmp_path)

    first = train.run(told, NOW, quiet)
    second = train.run(told, NOW + timedelta(minutes=1), quiet)

    registry = Registry(told.tracking_uri)
    version = registry.resolve("tip-ranker@champion")
    assert (first.version, first.alias, second.alias) == ("1", "champion", "challenger")
    assert (version.version, version.feature_set) == ("1", RANKER_V1.ref)
    assert first.digest == second.digest
    assert registry.card(version).problems() == ()
    assert [move.reason for move in registry.card(version).rollout] == ["the first version"]


@pytest.mark.real
def test_events_arrive_in_the_store_and_only_once(server, tmp_path, consumers):
    settings = PipelineSettings(nats_url=server.url, store_url=consumers.environ["OO_CONSUMER_STORE_URL"])
    simulation = Simulation(SimulatedUsers(1, 20), NOW, 3)

    published = asyncio.run(simulate.run(settings, simulation, quiet))
    asyncio.run(simulate.run(settings, simulation, quiet))

    store = Store.open(settings.store_url)
    counts = store.counts()
    store.close()
    assert (counts["decisions"], counts["reactions"], counts["signals"]) == dataclasses.astuple(published)
