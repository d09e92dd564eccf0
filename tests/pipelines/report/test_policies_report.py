"""Reports of policies: what acted, what shadows would have earned, how apprentices agree, what predictors took."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from oo_consumers.store import Store
from oo_contracts.events import ShadowChances
from oo_contracts.rewards import REWARDS
from oo_contracts.score import PolicyInfo
from oo_pipelines.report.played import scores
from oo_pipelines.report.policies import policies
from oo_pipelines.report.policies_told import policies_told
from reports_made import feedback, filled, prediction, score

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=5)
LEARNER = PolicyInfo(name="lints", version="1")


@pytest.fixture
def store(tmp_path):
    store = Store.open(f"sqlite:///{tmp_path}/effects.db")
    yield store
    store.close()


def reported(store, since=None):
    played = list(scores(store, NOW, REWARDS))
    return policies(played, store.rounds(NOW), store.predicted(), since)


def test_a_shadows_lift_is_the_truth(store):
    filled(store, NOW)

    found = reported(store)

    shadow = found.watched[0]
    assert (shadow.policy, shadow.shadow, shadow.verdict) == ("epsilon-greedy-0.1", True, "evaluable")
    assert [item.estimator for item in shadow.estimates] == ["snips", "dr"]
    for item in shadow.estimates:
        assert abs(item.lift.value - 0.09) < 4 * item.lift.stderr  # b has 0.95 of its chances, not 0.5, and 0.2 more
        assert item.max_weight == pytest.approx(1.9)
    acted = {item.policy: item for item in found.acted}
    assert shadow.rounds == acted["uniform 1"].counts.closed
    assert shadow.set_aside == acted["baseline 1"].counts.closed
    assert {item.policy for item in found.watched[1:]} == {"uniform", "greedy", "baseline"}
    assert "epsilon-greedy-0.1 would have earned" in policies_told(found).answer


def test_values_by_hand(store):
    shadow = (ShadowChances(policy=LEARNER, propensities=(0.2, 0.8)),)
    store.record_all("decisions", [score(f"r-{n}", LONG_AGO, user=f"u-{n}", shadows=shadow) for n in range(4)])
    reward = [*feedback("r-0", LONG_AGO, "completed"), *feedback("r-1", LONG_AGO, "shown")]
    store.record_all("feedback", [*reward, *feedback("r-2", NOW, "shown")])
    store.record_all("predictions", [prediction(f"r-{n}", LONG_AGO, float(n)) for n in range(3)])

    found = reported(store)

    (acted,) = found.acted
    assert (acted.policy, acted.counts.closed, acted.counts.shown, acted.counts.unseen) == ("uniform 1", 2, 1, 1)
    assert acted.reward.value == 0.5
    snips, dr = found.watched[0].estimates
    assert snips.interval.value == pytest.approx(0.5)
    believed = 0.2 * 0.2 + 0.8 * 0.4
    assert dr.interval.value == pytest.approx(believed + (0.4 * (1 - 0.2) + 0.4 * (0 - 0.2)) / 2)
    assert found.watched[0].verdict == "not evaluable"
    assert "this log cannot say" in policies_told(found).answer
    (model,) = found.models
    assert (model.model, model.role, model.latency_ms.p50) == ("tip-ranker 1", "live", 1.0)


def test_an_apprentices_matches_by_hand(store):
    def apprenticed(request, user, *chances):
        shadows = (ShadowChances(policy=LEARNER, propensities=chances),)
        return score(request, LONG_AGO, user=user, experiment="tone", mode="apprentice", shadows=shadows)

    store.record_all(
        "decisions",
        [
            apprenticed("r-1", "u-1", 0.9, 0.1),
            apprenticed("r-2", "u-1", 0.3, 0.7),
            apprenticed("r-3", "u-2", 0.5, 0.5),
            score("r-4", LONG_AGO, experiment="tone", mode="apprentice"),
            score("r-5", LONG_AGO, experiment="tone"),
        ],
    )

    (found,) = reported(store).apprentices

    assert (found.policy, found.rounds, found.users) == ("lints 1", 3, 2)
    assert found.match_rate.value == pytest.approx((1 + 0 + 0.5) / 3)
    assert found.chance.value == pytest.approx((0.9 + 0.3 + 0.5) / 3)


def test_since_leaves_rounds_out(store):
    store.record_all("decisions", [score("r-1", LONG_AGO), score("r-2", NOW)])
    store.record_all("feedback", feedback("r-1", LONG_AGO, "completed"))
    store.record_all("predictions", [prediction("r-1", LONG_AGO, 1.0)])

    found = reported(store, NOW - timedelta(days=1))

    assert [item.counts.unseen for item in found.acted] == [1]
    assert (found.watched, found.models) == ((), ())


@pytest.mark.parametrize(
    ("decisions", "text"),
    [([], "No round has been decided yet."), ([score("r-1", LONG_AGO)], "No round is closed yet")],
)
def test_a_report_of_little_says_so(store, decisions, text):
    store.record_all("decisions", decisions)

    assert text in policies_told(reported(store)).answer
