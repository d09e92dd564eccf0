"""The decision of a plain call, as a transformer makes it: Todoist tasks, the default policy, and a model's values."""

from __future__ import annotations

import random
import struct
from datetime import UTC, datetime, timedelta

from oo_contracts.events import ScoreDecision
from oo_contracts.score import ModelInfo, ScoreRequest
from oo_contracts.score_call import ScoreCall
from oo_decisions.ranking import ModelPrediction, RankingInputs, rank
from oo_decisions.ranking_decision import RankingDecision
from oo_experiments.assignment.assignment import ActiveExperiments
from oo_experiments.policies.policy import EpsilonGreedy, Policy
from oo_features.feature_context import FeatureContext
from oo_features.feature_sets import RANKER_V1

__all__ = ["plain_call", "plain_decision"]

ALPHABET = "23456789CFGHJMPQRVWXcfghjmpqrvwx"  # of Todoist's ids
NOW = datetime(2026, 11, 23, 8, 12, 31, 271_828, UTC)
REQUEST_ID = "01934b2c-6e1f-7c3a-9d54-0a1b2c3d4e5f"
EPSILON_GREEDY = EpsilonGreedy(0.1)


def plain_call(count: int) -> dict[str, object]:
    """A call with as many tasks, as `make bench` sends it, but with ids and instants as Todoist's."""
    return {
        "user_id": "u-1",
        "request_id": REQUEST_ID,
        "timezone": "Europe/Berlin",
        "tasks": [_task(random.Random(number), number) for number in range(count)],
        "profile_features": {"completion_rate_30d": 0.7, "preferred_hour": 9, "tip_volume_7d": 12},
    }


def _task(draw: random.Random, number: int) -> dict[str, object]:
    created = NOW - timedelta(days=draw.randint(0, 200), microseconds=draw.randint(0, 10**10))
    return {
        "id": "".join(draw.choices(ALPHABET, k=draw.randint(10, 16))),
        "content": f"Write part {number} of the report",
        "priority": number % 4 + 1,
        "labels": ["work"] if number % 3 else [],
        "due": {"date": f"2026-11-{number % 28 + 1:02d}", "is_recurring": number % 5 == 0},
        "added_at": created.isoformat(),
    }


def plain_decision(count: int, policy: Policy = EPSILON_GREEDY) -> ScoreDecision:
    """The decision of such a call, in columns and without checksums."""
    call = ScoreCall.from_request(ScoreRequest.model_validate(plain_call(count)))
    context = FeatureContext.at(NOW, call.timezone, call.tasks, call.profile_features, None)
    rows = RANKER_V1.rows(context, call.candidates)
    draw = random.Random(count)
    values = tuple(struct.unpack("f", struct.pack("f", draw.random()))[0] for _ in range(count))  # models answer so
    prediction = ModelPrediction(values, ModelInfo(name="tip-ranker", version="12"), None)
    inputs = RankingInputs(REQUEST_ID, call.user_id, None, context, call.candidates, rows, prediction)
    ranking = rank(inputs, RANKER_V1, ActiveExperiments(), policy)
    return RankingDecision(inputs, ranking, RANKER_V1.ref).event("01934b2c-6e20-7001-8f3e-1a2b3c4d5e6f").in_columns()
