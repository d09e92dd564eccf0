"""What is made of valid values is what pydantic makes of them."""

from __future__ import annotations

import copy

import pytest
from oo_contracts.events import DecidedCandidate
from oo_contracts.task import TaskFacts
from oo_contracts.valid_models import valid_models

CANDIDATES = [
    {"id": "a", "kind": "task", "task_id": "a", "prompt_version": None, "eligible": True, "row": (0.5,), "value": 0.25,
     "propensity": 1.0},
    {"id": "b", "kind": "tip", "task_id": None, "prompt_version": "v1", "eligible": False, "row": (1.5,), "value": 0.0,
     "propensity": 0.0},
]  # fmt: skip


def columns(rows):
    return [list(column) for column in zip(*(row.values() for row in rows), strict=True)]


def test_they_are_the_objects_that_pydantic_makes():
    made = valid_models(DecidedCandidate, *columns(CANDIDATES))
    constructed = tuple(DecidedCandidate.model_construct(**row) for row in CANDIDATES)

    assert made == constructed == tuple(map(DecidedCandidate.model_validate, CANDIDATES))
    assert [item.model_dump_json() for item in made] == [item.model_dump_json() for item in constructed]
    assert [item.model_fields_set for item in made] == [item.model_fields_set for item in constructed]
    assert (hash(made[0]), repr(made[0])) == (hash(constructed[0]), repr(constructed[0]))


def test_they_can_be_copied_and_changed():
    first, second = valid_models(DecidedCandidate, *columns(CANDIDATES))

    assert first.model_copy(update={"value": 0.5}).value == 0.5
    assert copy.deepcopy(second) == second
    first.model_fields_set.discard("kind")
    assert "kind" in second.model_fields_set


def test_no_entries_make_no_objects():
    assert valid_models(TaskFacts, *([] for _ in TaskFacts.model_fields)) == ()


@pytest.mark.parametrize("given", [[["a"]], [["a"], ["task"], *([None] for _ in range(7))]])
def test_another_number_of_columns_is_refused(given):
    with pytest.raises(ValueError, match="has 8 fields"):
        valid_models(DecidedCandidate, *given)


def test_columns_of_two_lengths_are_refused():
    given = columns(CANDIDATES)

    with pytest.raises(ValueError, match=r"shorter|longer"):
        valid_models(DecidedCandidate, *given[:-1], given[-1][:1])
