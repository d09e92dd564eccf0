"""Whatever is decided replays from its event without a difference, and each change of the event is named."""

from __future__ import annotations

import pytest
from example_experiments import NOW, experiment
from hypothesis import given
from hypothesis import strategies as st
from oo_contracts.checksums import with_checksums
from oo_contracts.events import ScoreDecision
from oo_contracts.score import NO_MODEL, Candidate, ModelInfo, PolicyInfo
from oo_contracts.task_columns import CandidateColumns
from oo_decisions.ranking import ModelPrediction, RankingInputs, rank
from oo_decisions.ranking_decision import RankingDecision
from oo_decisions.ranking_replay import ZERO_MODEL, ReplayModel, decision_differences
from oo_decisions.replay_difference import ReplayDifference, is_same
from oo_experiments.assignment.assignment import ActiveExperiments
from oo_experiments.policies.beliefs import Beliefs, Contribution
from oo_experiments.policies.policy import EpsilonGreedy, UnknownPolicy
from oo_features.feature_context import FeatureContext
from oo_features.feature_sets import RANKER_V1
from oo_features.scaling import scale_row

MODEL = ReplayModel(RANKER_V1.ref, lambda rows: tuple(index / 8 for index in range(len(rows))))
POLICIES = ({"kind": "softmax"}, {"kind": "thompson", "floor": 0.02}, {"kind": "linucb", "floor": 0.02})
CONTEXT = scale_row(RANKER_V1, [item.fallback for item in RANKER_V1.features])
BELIEFS = Beliefs().add(*(Contribution("tip", reward, CONTEXT) for reward in (0.0, 1.0, 1.0)))


def made(eligible=(True, True, True), policy=None, mode="active", degraded=None, request_id="r-1"):
    """The event of a decision, as it is read from a log."""
    candidates = CandidateColumns.from_candidates(
        [Candidate(id=f"c-{index}", kind="tip", eligible=item) for index, item in enumerate(eligible)]
    )
    context = FeatureContext.at(NOW, "Asia/Tokyo")
    rows = RANKER_V1.rows(context, candidates)
    model = ZERO_MODEL if degraded else MODEL
    info = NO_MODEL if degraded else ModelInfo(name="tip-ranker", version="1")
    prediction = ModelPrediction(model.values(rows.values), info, degraded)
    inputs = RankingInputs(request_id, "u-1", None, context, candidates, rows, prediction)
    only = experiment("tone", policy, mode, shadows=[{"kind": "uniform"}]) if policy else None
    active = ActiveExperiments((only,) if only else (), beliefs={"tone": BELIEFS})
    ranking = rank(inputs, RANKER_V1, active, EpsilonGreedy(0.2))
    event = with_checksums(RankingDecision(inputs, ranking, RANKER_V1.ref).event())
    return ScoreDecision.read(event.encode())


def named(decision, model=MODEL, **change):
    return [item.what for item in decision_differences(decision.model_copy(update=change), RANKER_V1, model)]


@given(
    st.lists(st.booleans(), max_size=5),
    st.sampled_from([None, *POLICIES]),
    st.sampled_from(["active", "shadow", "apprentice"]),
    st.integers(0, 999),
)
def test_what_was_decided_is_decided_again(eligible, policy, mode, number):
    assert named(made(eligible, policy, mode, request_id=f"r-{number}")) == []


def test_a_degraded_decision_is_replayed_with_zeros():
    assert named(made(policy=POLICIES[0], degraded="predictor"), ZERO_MODEL) == []


def test_without_a_model_the_logged_values_are_taken():
    decision = made()

    assert named(decision, None) == []
    assert named(decision, ReplayModel(None, lambda rows: (0.5,) * len(rows)))[:3] == ["value"] * 3


def test_a_model_of_other_features_is_the_only_difference():
    model = ReplayModel("ranker-v1@0", MODEL.values)

    assert decision_differences(made(), RANKER_V1, model) == [
        ReplayDifference("r-1", None, "feature set of the model", RANKER_V1.ref, "ranker-v1@0")
    ]


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"decided_at": NOW.replace(year=2025)}, ["clock", "seal of request"]),
        ({"chosen_id": None}, ["chosen"]),
        ({"propensity": 0.25}, ["propensity"]),
        ({"beliefs": {"arms": []}}, ["beliefs", "seal of beliefs"]),
        ({"beliefs": None, "shadows": ()}, ["seal of beliefs", "seal of circumstances"]),  # who acted has no beliefs
        ({"assignment": None}, ["seal of assignment"]),
    ],
    ids=lambda item: next(iter(item)),
)
def test_each_change_is_named(change, what):
    decision = made((True, True, False), {"kind": "thompson", "floor": 0.02}, "shadow")

    assert named(decision, **change) == what


def test_a_policy_that_is_not_known_is_refused():
    unknown = made().model_copy(update={"policy": PolicyInfo(name="oracle", version="1")})

    with pytest.raises(UnknownPolicy):
        decision_differences(unknown, RANKER_V1, MODEL)


def test_numbers_are_compared_by_their_bits():
    assert is_same((0.1, 0.2), [0.1, 0.2])
    assert not is_same(0.1 + 0.2, 0.3)
    assert not is_same(0.0, -0.0)
    assert not is_same((0.0,), (0.0, 0.0))
    assert is_same(float("nan"), float("nan"))
    assert not is_same(0.0, None)
