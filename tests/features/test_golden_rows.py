"""13,005 rows of 1,750 calls as they were served when features were computed candidate by candidate: bit for bit.

The calls were drawn by chance: every shape of Todoist's tasks, odd fields, zones, changes of the clock, years from 2 to
9998, and profiles with everything wrong.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from oo_contracts.profile_values import bounded_value
from oo_contracts.score import ScoreRequest
from oo_contracts.score_call import ScoreCall
from oo_features.feature_context import FeatureContext
from oo_features.feature_sets import RANKER_V1
from oo_features.profile_age import trusted_instants

GOLDEN = Path(__file__).with_name("golden") / "rows-2026-11.jsonl.gz"
MIRRORED = [item.name for item in RANKER_V1.profile]


@pytest.fixture(scope="module")
def served():
    """What was recorded of each call, its context and its candidates."""
    with gzip.open(GOLDEN) as lines:
        recorded = [json.loads(line) for line in lines]
    return [(one, *read(one)) for one in recorded]


def read(recorded):
    call, now = ScoreCall.from_request(ScoreRequest.model_validate_json(recorded["body"])), recorded["now"]
    shipped = call.profile_features
    profile = None if shipped is None else {name: bounded_value(shipped[name]) for name in MIRRORED if name in shipped}
    now = datetime.fromisoformat(now)
    instants, _ = trusted_instants(call.profile_computed_at, profile or (), now)
    return call, FeatureContext.at(now, call.timezone, call.tasks, profile, instants)


def row_bytes(recorded):
    return base64.b64decode(recorded["rows"])


def test_a_call_gives_the_rows_that_it_gave(served):
    assert sum(len(row_bytes(one)) for one, *_ in served) // (4 * len(RANKER_V1.names)) == 13_005
    for recorded, call, context in served:
        rows = RANKER_V1.rows(context, call.candidates)

        assert rows.values.tobytes() == row_bytes(recorded), recorded["body"]
        assert {item.feature: item.reason for item in rows.fallbacks} == recorded["fallbacks"]
        assert rows.profile_known == recorded["profile_known"]
        assert [item.model_dump(mode="json") for item in call.task_fallbacks] == recorded["task_fallbacks"]


def test_many_calls_at_once_give_the_same_rows(served):
    found = RANKER_V1.rows_of_calls([context for *_, context in served], [call.candidates for _, call, _ in served])

    assert np.concatenate([rows.values for rows in found]).tobytes() == b"".join(row_bytes(one) for one, *_ in served)
    for rows, (recorded, *_) in zip(found, served, strict=True):
        assert {item.feature: item.reason for item in rows.fallbacks} == recorded["fallbacks"]
        assert rows.profile_known == recorded["profile_known"]


def test_an_event_says_of_the_context_what_it_said(served):
    for recorded, _, context in served:
        said = context.facts().model_dump_json()

        assert hashlib.sha256(said.encode()).hexdigest()[:16] == recorded["context_sha256"], said


def test_no_calls_have_no_rows():
    assert RANKER_V1.rows_of_calls([], []) == []
