"""How large a decision's event is: it goes through a stream, and into a store and a log, for every call."""

from __future__ import annotations

import pytest
from oo_contracts.checksums import mismatches, with_checksums
from oo_contracts.events import ScoreDecision
from oo_experiments.policies.softmax import Softmax
from plain_decision import EPSILON_GREEDY, plain_decision

FIXED_BYTES, CANDIDATE_BYTES = 600, 120
POLICIES = [(EPSILON_GREEDY, 75), (Softmax(0.2), 85)]  # with the bytes of one more candidate


def sizes(decision):
    """Its bytes in columns and in rows, with all checksums."""
    rows = with_checksums(decision.model_copy(update={"schema_version": "1.1"}))
    return len(with_checksums(decision).encode()), len(rows.encode())


@pytest.mark.parametrize("count", [10, 50, 200])
def test_an_event_of_a_plain_call_is_small(count):
    columns, rows = sizes(plain_decision(count))

    print(f"\n{count} candidates: {rows} bytes in rows, {columns} in columns")
    assert columns <= FIXED_BYTES + count * CANDIDATE_BYTES


@pytest.mark.parametrize(("policy", "more"), POLICIES, ids=lambda item: getattr(item, "name", None))
def test_one_more_candidate_takes_little(policy, more):
    fewer, many = (sizes(plain_decision(count, policy))[0] for count in (50, 200))

    assert (many - fewer) / 150 <= more


def test_what_is_small_is_whole():
    decision = with_checksums(plain_decision(50))

    read = ScoreDecision.read(decision.encode())

    assert read == decision
    assert mismatches(read) == []
