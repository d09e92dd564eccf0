"""Reports of policies: what acted, what shadows would have earned, how apprentices agree, what predictors took."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from oo_consumers.effect_store import Store
from oo_contracts.events import ShadowPropensities
from oo_contracts.reward_table import DEFAULT_REWARDS
from oo_contracts.score import PolicyInfo
from oo_pipelines.report.policy_report import policies
from oo_pipelines.report.render_policies import render_policies
from oo_pipelines.report.round_outcomes import scores
from report_events import feedback, filled, prediction, score

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=5)
LEARNER = PolicyInfo(name="lints", version="1")


@pytest.fixture
def store(tmp_path):
    store = Store.open(f"sqlite:///{tmp_path}/effects.db")
    yield store
    store.close()


def reported(store, since=None):
    played = list(scores(store, NOW, DEFAULT_REWARDS))
    return policies(played, store.rounds(NOW), store.predictions(), NOW, since)


def test_a_shadows_lift_is_the_truth(store):
    filled(store, NOW)

    report = reported(store)

    shadow = report.watched[0]
    assert (shadow.policy, shadow.shadow, shadow.verdict) == ("epsilon-greedy-0.1", True, "evaluable")
    assert [item.estimator for item in shadow.estimates] == ["snips", "dr"]
    for item in shadow.estimates:
        assert abs(item.lift.value - 0.09) < 4 * item.lift.stderr  # b has 0.95 of its chances, not 0.5, and 0.2 more
        assert item.max_weight == pytest.approx(1.9)
    acted = {item.policy: item for item in report.acted}
    assert shadow.rounds == acted["uniform 1"].counts.closed
    assert shadow.set_aside == acted["baseline 1"].counts.closed
    assert {item.policy for item in report.watched[1:]} == {"uniform", "greedy", "baseline"}
    assert "epsilon-greedy-0.1 would have earned" in render_policies(report).answer


def test_values_by_hand(store):
    shadow = (ShadowPropensities(policy=LEARNER, propensities=(0.2, 0.8)),)
    store.record_all("decisions", [score(f"r-{n}", LONG_AGO, user=f"u-{n}", shadows=shadow) for n in range(4)])
    reward = [*feedback("r-0", LONG_AGO, "completed"), *feedback("r-1", LONG_AGO, "shown")]
    store.record_all("feedback", [*reward, *feedback("r-2", NOW, "shown")])
    store.record_all("predictions", [prediction(f"r-{n}", LONG_AGO, float(n)) for n in range(3)])

    report = reported(store)

    (acted,) = report.acted
    assert (acted.policy, acted.counts.closed, acted.counts.shown, acted.counts.unseen) == ("uniform 1", 2, 1, 1)
    assert acted.reward.value == 0.5
    snips, dr = report.watched[0].estimates
    assert snips.interval.value == pytest.approx(0.5)
    believed = 0.2 * 0.2 + 0.8 * 0.4
    assert dr.interval.value == pytest.approx(believed + (0.4 * (1 - 0.2) + 0.4 * (0 - 0.2)) / 2)
    assert report.watched[0].verdict == "not evaluable"
    assert "this log cannot say" in render_policies(report).answer
    (model,) = report.models
    assert (model.model, model.role, model.latency_ms.p50) == ("tip-ranker 1", "live", 1.0)


def test_an_apprentices_matches_by_hand(store):
    def apprenticed(request, user, *chances):
        shadows = (ShadowPropensities(policy=LEARNER, propensities=chances),)
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
    assert found.propensity.value == pytest.approx((0.9 + 0.3 + 0.5) / 3)


def watched_by(*policies):
    return tuple(ShadowPropensities(policy=policy, propensities=(0.2, 0.8)) for policy in policies)


def test_shadows_of_open_rounds_are_counted_and_not_denied(store):
    store.record_all(
        "decisions", [score(f"r-{n}", LONG_AGO, user=f"u-{n}", shadows=watched_by(LEARNER)) for n in range(2_000)]
    )

    report = reported(store)

    assert [(item.policy, item.closed, item.open) for item in report.shadows] == [("lints-1", 0, 2_000)]
    answer = render_policies(report).answer
    assert "lints-1 was logged as a shadow in 2,000 rounds, of which none is closed yet." in answer
    assert "No policy was logged" not in answer


def test_shadows_of_open_rounds_beside_closed_rounds_without_any(store):
    store.record_all("decisions", [score("r-1", LONG_AGO), score("r-2", NOW, shadows=watched_by(LEARNER))])
    store.record_all("feedback", feedback("r-1", LONG_AGO, "completed"))

    answer = render_policies(reported(store)).answer

    assert "lints-1 was logged as a shadow in 1 round, of which none is closed yet." in answer
    assert "No policy was logged" not in answer


def test_one_shadow_of_closed_and_another_of_open_rounds(store):
    other = PolicyInfo(name="thompson", version="2")
    store.record_all("decisions", [score("r-1", LONG_AGO, shadows=watched_by(LEARNER))])
    store.record_all("decisions", [score(f"r-{n}", NOW, shadows=watched_by(LEARNER, other)) for n in (2, 3)])
    store.record_all("feedback", feedback("r-1", LONG_AGO, "shown"))

    told = render_policies(reported(store))

    sheet = next(sheet for sheet in told.sheets if sheet.title == "Shadows")
    assert sheet.rows == (("lints-1", 1, 2), ("thompson-2", 0, 2))
    assert "thompson-2 was logged as a shadow in 2 rounds, of which none is closed yet." in told.answer
    assert "What lints-1 would have earned, this log cannot say." in told.answer


def test_without_shadows_it_says_so(store):
    store.record_all("decisions", [score("r-1", LONG_AGO)])

    assert "No policy was logged as a shadow." in render_policies(reported(store)).answer


def test_since_leaves_rounds_out(store):
    store.record_all("decisions", [score("r-1", LONG_AGO), score("r-2", NOW)])
    store.record_all("feedback", feedback("r-1", LONG_AGO, "completed"))
    store.record_all("predictions", [prediction("r-1", LONG_AGO, 1.0)])

    report = reported(store, NOW - timedelta(days=1))

    assert [item.counts.unseen for item in report.acted] == [1]
    assert (report.watched, report.models) == ((), ())


@pytest.mark.parametrize(
    ("decisions", "text"),
    [([], "No round has been decided yet."), ([score("r-1", LONG_AGO)], "No round is closed yet")],
)
def test_a_report_of_little_says_so(store, decisions, text):
    store.record_all("decisions", decisions)

    assert text in render_policies(reported(store)).answer
