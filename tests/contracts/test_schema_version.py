"""A decision of any 1.x is read, by the names of its day, and written again by today's."""

from __future__ import annotations

import json

import pytest
from example_events import NOON, a_decision
from oo_contracts.checksums import mismatches, with_checksums
from oo_contracts.event import STORED_CONTEXT
from oo_contracts.events import SCHEMA_VERSION, GenerateDecision, ScoreDecision
from pydantic import ValidationError
from report_events import tip

EARLIER = {"chosen_id": "chosen", "baseline_id": "baseline"}
EARLIER_OF_A_DRAW = {"candidate_propensity": "candidate", "joint_propensity": "joint"}


def renamed(fields, names):
    return {names.get(name, name): value for name, value in fields.items() if name != "schema_version"}


def a_draw():
    decision = tip("r-1", NOON, "v1", (0.5, 0.5))
    known = {"candidate_propensity": 0.25, "joint_propensity": 0.125}
    return with_checksums(decision.model_copy(update={"draw": decision.draw.model_copy(update=known)}))


def test_a_decision_of_1_0_is_read_and_written_by_the_new_names():
    decision = with_checksums(a_decision())
    earlier = renamed(json.loads(decision.model_dump_json()), EARLIER)

    read = ScoreDecision.model_validate_json(json.dumps(earlier))

    assert "chosen" in earlier
    assert read == decision
    assert mismatches(read) == []
    written = json.loads(read.model_dump_json())
    assert (written["schema_version"], written["chosen_id"], written["baseline_id"]) == (SCHEMA_VERSION, "c-1", "c-1")
    assert written.keys().isdisjoint({"chosen", "baseline"})


def test_a_draw_of_1_0_is_read_with_its_checksums():
    decision = a_draw()
    earlier = renamed(json.loads(decision.model_dump_json()), {})
    earlier["draw"] = renamed(earlier["draw"], EARLIER_OF_A_DRAW)
    earlier["seals"]["candidate"] = earlier["seals"].pop("candidate_propensity")

    read = GenerateDecision.model_validate_json(json.dumps(earlier))
    other = read.model_copy(update={"draw": read.draw.model_copy(update={"candidate_propensity": 0.5})})

    assert read.draw == decision.draw
    assert mismatches(read) == []
    assert mismatches(other) == ["candidate_propensity"]


@pytest.mark.parametrize("version", ["1.0", "1.1", "1.99"])
def test_every_1_x_is_read(version):
    fields = json.loads(a_decision().model_dump_json()) | {"schema_version": version}

    assert ScoreDecision.model_validate_json(json.dumps(fields)).schema_version == SCHEMA_VERSION


@pytest.mark.parametrize("context", [None, STORED_CONTEXT])
@pytest.mark.parametrize("version", ["3.0", "1", "2", "", 1.1, None])
def test_another_version_is_refused(version, context):
    fields = json.loads(a_decision().model_dump_json()) | {"schema_version": version}

    with pytest.raises(ValidationError, match="schema_version"):
        ScoreDecision.model_validate_json(json.dumps(fields), context=context)


@pytest.mark.parametrize("read", [ScoreDecision.read, ScoreDecision.read_stored])
def test_version_2_in_rows_is_refused(read):
    fields = json.loads(a_decision().model_dump_json()) | {"schema_version": "2.0"}

    with pytest.raises(ValidationError, match="candidates"):
        read(json.dumps(fields))


def test_version_2_is_of_no_other_decision():
    fields = json.loads(a_draw().model_dump_json()) | {"schema_version": "2.0"}

    with pytest.raises(ValidationError, match="schema_version"):
        GenerateDecision.read(json.dumps(fields))
