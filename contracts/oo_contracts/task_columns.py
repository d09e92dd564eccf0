"""This module holds what features may know of tasks, and what a call asks about, as columns: one list for each fact.

A list of objects costs an object for each task, and again for each step that reads it; a column costs one pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol, Self

from oo_contracts.task import TaskFacts
from oo_contracts.valid_models import valid_models

__all__ = ["CandidateColumns", "CandidateFacts", "TaskColumns"]


@dataclass(frozen=True, slots=True)
class TaskColumns:
    """The facts of tasks, each a list of one length, in the order of the call; `due` is a day or a time."""

    ids: Sequence[str] = ()
    priority: Sequence[int] = ()
    due: Sequence[date | None] = ()
    is_recurring: Sequence[bool] = ()
    created_at: Sequence[datetime | None] = ()
    completed: Sequence[bool] = ()
    labels: Sequence[int] = ()
    content_length: Sequence[int] = ()
    has_parent: Sequence[bool] = ()

    @classmethod
    def from_facts(cls, tasks: Sequence[TaskFacts]) -> Self:
        """Return the columns of tasks that are objects, as in an event."""
        return cls(
            ids=[task.id for task in tasks],
            priority=[task.priority for task in tasks],
            due=[task.due for task in tasks],
            is_recurring=[task.is_recurring for task in tasks],
            created_at=[task.created_at for task in tasks],
            completed=[task.completed for task in tasks],
            labels=[task.labels for task in tasks],
            content_length=[task.content_length for task in tasks],
            has_parent=[task.has_parent for task in tasks],
        )

    def facts(self) -> tuple[TaskFacts, ...]:
        """Return an object for each task, as an event holds them."""
        return valid_models(
            TaskFacts,
            self.ids,
            self.priority,
            self.due,
            self.is_recurring,
            self.created_at,
            self.completed,
            self.labels,
            self.content_length,
            self.has_parent,
        )


class CandidateFacts(Protocol):
    """A candidate of a call or of a logged decision."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def kind(self) -> str:
        """What may be shown: `task`, `tip` or `none`."""

    @property
    def task_id(self) -> str | None:
        """The task that it is about."""

    @property
    def prompt_version(self) -> str | None:
        """The prompt version that would write its tip."""

    @property
    def eligible(self) -> bool:
        """Whether it may be chosen."""


@dataclass(frozen=True, slots=True)
class CandidateColumns:
    """The candidates of a round, each fact a list of one length, in the order in which the recommender sent them."""

    ids: Sequence[str] = ()
    kinds: Sequence[str] = ()
    task_ids: Sequence[str | None] = ()
    prompt_versions: Sequence[str | None] = ()
    eligible: Sequence[bool] = ()

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def from_candidates(cls, candidates: Sequence[CandidateFacts]) -> Self:
        """Return the columns of candidates that are objects."""
        return cls(
            ids=[item.id for item in candidates],
            kinds=[item.kind for item in candidates],
            task_ids=[item.task_id for item in candidates],
            prompt_versions=[item.prompt_version for item in candidates],
            eligible=[item.eligible for item in candidates],
        )

    @classmethod
    def of_open_tasks(cls, tasks: TaskColumns) -> Self:
        """Return one candidate for each task that is not completed: what a call without candidates means."""
        ids = [name for name, is_completed in zip(tasks.ids, tasks.completed, strict=True) if not is_completed]
        return cls(ids, ["task"] * len(ids), ids, [None] * len(ids), [True] * len(ids))

    def without_completed(self, tasks: TaskColumns) -> Self:
        """Return the candidates, of which those for a completed task are not eligible."""
        completed_ids = {name for name, is_completed in zip(tasks.ids, tasks.completed, strict=True) if is_completed}
        if not completed_ids:
            return self
        eligible = [
            is_eligible and not (kind == "task" and task_id in completed_ids)
            for is_eligible, kind, task_id in zip(self.eligible, self.kinds, self.task_ids, strict=True)
        ]
        return type(self)(self.ids, self.kinds, self.task_ids, self.prompt_versions, eligible)
