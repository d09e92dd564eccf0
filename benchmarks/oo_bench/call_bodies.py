"""What is sent: one user's call with Todoist's task objects, and the feature rows that our transformer makes of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cache

from oo_contracts.score import ScoreRequest
from oo_contracts.score_call import ScoreCall
from oo_features.feature_context import FeatureContext
from oo_features.feature_sets import RANKER_V1

__all__ = ["feature_rows", "inputs_body", "instances_body", "score_body", "score_call"]


def score_call(candidates: int) -> dict[str, object]:
    """Return a call of `/score` with so many open tasks; each is a candidate."""
    return {
        "user_id": "u-1",
        "timezone": "Europe/Berlin",
        "tasks": [_todoist_task(index) for index in range(candidates)],
        "profile_features": {"completion_rate_30d": 0.7, "preferred_hour": 9, "tip_volume_7d": 12},
    }


def _todoist_task(index: int) -> dict[str, object]:
    return {
        "id": f"t-{index}",
        "content": f"Write part {index} of the report",
        "priority": index % 4 + 1,
        "labels": ["work"] if index % 3 else [],
        "due": {"date": f"2026-11-{index % 28 + 1:02d}", "is_recurring": index % 5 == 0},
        "added_at": "2026-10-05T09:00:00.000000Z",
        "checked": False,
        "child_order": index,
    }


@cache
def feature_rows(candidates: int) -> list[list[float]]:
    """Return the rows that our transformer computes for the call: what peers are handed ready made."""
    call = ScoreCall.from_request(ScoreRequest.model_validate(score_call(candidates)))
    context = FeatureContext.at(datetime.now(UTC), call.timezone, call.tasks, call.profile_features)
    rows: list[list[float]] = RANKER_V1.rows(context, call.candidates).values.tolist()
    return rows


def score_body(candidates: int) -> bytes:
    """Return the body of a call of `/score`."""
    return json.dumps(score_call(candidates)).encode()


def instances_body(candidates: int) -> bytes:
    """Return the same call's rows as the body of KServe's V1 protocol."""
    return json.dumps({"instances": feature_rows(candidates)}).encode()


def inputs_body(candidates: int) -> bytes:
    """Return the same rows as the body of MLflow's `/invocations`."""
    return json.dumps({"inputs": feature_rows(candidates)}).encode()
