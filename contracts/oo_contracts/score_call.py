"""This module holds an accepted call of `/score` in columns: what everything after the edge works on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from oo_contracts.score import ScoreRequest
from oo_contracts.task_columns import CandidateColumns, TaskColumns
from oo_contracts.user_call import CallFallback, ProfileInstants

__all__ = ["ScoreCall"]


@dataclass(frozen=True, slots=True)
class ScoreCall:
    """One accepted call.

    `candidates` are never absent: without any in the call, each open task is one. `task_fallbacks` say what could not
    be used of the tasks.
    """

    request_id: str | None
    user_id: str
    timezone: str
    tasks: TaskColumns
    candidates: CandidateColumns
    baseline_id: str | None = None
    profile_features: Mapping[str, Any] | None = None
    profile_computed_at: ProfileInstants = None
    task_fallbacks: tuple[CallFallback, ...] = ()

    @classmethod
    def from_request(cls, request: ScoreRequest) -> Self:
        """Return the call of a body that pydantic read."""
        tasks = TaskColumns.from_facts([task.facts() for task in request.tasks])
        return cls(
            request.request_id,
            request.user_id,
            request.timezone,
            tasks,
            candidates_of(tasks, request),
            request.baseline,
            request.profile_features,
            request.profile_computed_at,
            request.task_fallbacks(),
        )


def candidates_of(tasks: TaskColumns, request: ScoreRequest) -> CandidateColumns:
    """Return the candidates of a call; one for a task that is completed or deleted stays, but is not eligible."""
    if request.candidates is None:
        return CandidateColumns.of_open_tasks(tasks)
    return CandidateColumns.from_candidates(request.candidates).without_completed(tasks)
