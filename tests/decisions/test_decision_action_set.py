"""What a policy reads of a call is what replay and off-policy evaluation read of its event."""

from __future__ import annotations

from example_events import NOON
from hypothesis import given
from hypothesis import strategies as st
from oo_contracts.events import ScoreDecision
from oo_contracts.score import Candidate, ModelInfo
from oo_contracts.task_columns import CandidateColumns
from oo_decisions.decision_action_set import logged_action_set, prompt_action_set
from oo_decisions.ranking import ModelPrediction, RankingInputs, rank
from oo_decisions.ranking_decision import RankingDecision
from oo_experiments.assignment.assignment import ActiveExperiments
from oo_experiments.policies.policy import Baseline, EpsilonGreedy, Uniform
from oo_features.feature_context import FeatureContext
from oo_features.feature_sets import RANKER_V1

MODEL = ModelInfo(name="tip-ranker", version="1")


@st.composite
def calls(draw):
    """Some candidates, not all eligible, of which the caller may name one as the baseline."""
    eligible = draw(st.lists(st.booleans(), max_size=5))
    candidates = CandidateColumns.from_candidates(
        [Candidate(id=f"c-{index}", kind="tip", eligible=item) for index, item in enumerate(eligible)]
    )
    values = tuple(draw(st.floats(-1, 1, width=32)) for _ in eligible)
    baseline = draw(st.sampled_from([None, *candidates.ids]))
    context = FeatureContext.at(NOON, "Asia/Tokyo")
    prediction = ModelPrediction(values, MODEL, draw(st.sampled_from([None, "predictor"])))
    rows = RANKER_V1.rows(context, candidates)
    return RankingInputs("r-1", "u-1", baseline, context, candidates, rows, prediction)


@given(calls(), st.sampled_from([Baseline(), Uniform(), EpsilonGreedy(0.25)]))
def test_a_policy_gives_an_event_the_propensities_that_it_gave_the_call(inputs, policy):
    ranking = rank(inputs, RANKER_V1, ActiveExperiments(), policy)
    event = RankingDecision(inputs, ranking, RANKER_V1.ref).event()
    read = ScoreDecision.read(event.encode())

    assert isinstance(ranking.policy, Baseline) or inputs.prediction.degraded is None
    assert ranking.decision.propensities == (
        ranking.policy.probabilities(logged_action_set(read))
        if any(ranking.actions.eligible)
        else (0.0,) * len(inputs.candidates)
    )


@given(calls())
def test_a_reply_and_its_event_say_the_same(inputs):
    decision = RankingDecision(inputs, rank(inputs, RANKER_V1, ActiveExperiments(), Uniform()), RANKER_V1.ref)

    reply, event = decision.reply(), decision.event("e-1")

    assert (reply["chosen"], reply["request_id"], event.event_id) == (event.chosen_id, event.request_id, "e-1")
    assert sorted((item["candidate_id"], item["score"], item["propensity"]) for item in reply["scores"]) == sorted(
        (item.id, item.value, item.propensity) for item in event.candidates
    )


def test_a_default_that_is_no_version_is_no_baseline():
    assert prompt_action_set(("v1", "v2"), "v2").baseline_index == 1
    assert prompt_action_set(("v1", "v2"), "v3").baseline_index is None
    assert prompt_action_set(("v1", "v2"), "v3").arms == ("v1", "v2")
