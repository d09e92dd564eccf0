"""What is published from columns is, byte for byte, the event that its objects would make."""

from __future__ import annotations

import gzip
import json
import random
from datetime import datetime
from pathlib import Path

import pytest
from oo_contracts.checksums import mismatches, with_checksums
from oo_contracts.events import ScoreDecision
from oo_contracts.score import NO_MODEL, ModelInfo, ScoreRequest
from oo_contracts.score_call import ScoreCall
from oo_decisions.ranking import ModelPrediction, RankingInputs, rank
from oo_decisions.ranking_decision import RankingDecision
from oo_experiments.assignment.assignment import ActiveExperiments
from oo_experiments.policies.policy import EpsilonGreedy
from oo_features.feature_context import FeatureContext
from oo_features.feature_sets import RANKER_V1

GOLDEN = Path(__file__).parents[1] / "features" / "golden" / "rows-2026-11.jsonl.gz"
MIRRORED = {item.name for item in RANKER_V1.profile}


def decided(body, now, values, degraded=None):
    call = ScoreCall.from_request(ScoreRequest.model_validate_json(body))
    profile = call.profile_features
    known = None if profile is None else {name: value for name, value in profile.items() if name in MIRRORED}
    context = FeatureContext.at(now, call.timezone, call.tasks, known, None)
    model = NO_MODEL if degraded else ModelInfo(name="tip-ranker", version="3")
    prediction = ModelPrediction(values(len(call.candidates)), model, degraded)
    rows = RANKER_V1.rows(context, call.candidates)
    inputs = RankingInputs("r-1", call.user_id, call.baseline_id, context, call.candidates, rows, prediction)
    return RankingDecision(inputs, rank(inputs, RANKER_V1, ActiveExperiments(), EpsilonGreedy(0.1)), RANKER_V1.ref)


@pytest.fixture(scope="module")
def decisions():
    """Decisions of recorded calls with tasks of every shape, of which some were degraded and some values are alike."""
    draw, kinds = random.Random(1), [None, None, "predictor"]
    with gzip.open(GOLDEN) as lines:
        recorded = [json.loads(line) for line in lines]
    return [
        decided(
            one["body"],
            datetime.fromisoformat(one["now"]),
            lambda count: tuple(draw.choice([0.1, 0.25, draw.random(), -0.0]) for _ in range(count)),
            draw.choice(kinds),
        )
        for one in recorded
    ]


def test_it_is_the_event_of_its_objects(decisions):
    for decision in decisions:
        encoded = decision.encoded_event("e-1")

        assert encoded.encode() == with_checksums(decision.event("e-1").in_columns()).encode()
        assert encoded.event_id == "e-1"


def test_it_is_read_as_the_objects_that_it_was_made_without(decisions):
    for decision in decisions[:300]:
        read = ScoreDecision.read(decision.encoded_event("e-1").encode())

        assert mismatches(read) == []
        assert read.model_dump_json(exclude={"seals"}) == decision.event("e-1").in_columns().model_dump_json(
            exclude={"seals"}
        )


def test_each_has_an_id_of_its_own(decisions):
    ids = {decisions[0].encoded_event().event_id for _ in range(3)}

    assert len(ids) == 3
