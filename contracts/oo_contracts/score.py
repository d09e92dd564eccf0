"""`POST /score`: what the recommender asks, and what it is told."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, AwareDatetime, Field, model_validator
from pydantic_core import PydanticCustomError

from oo_contracts.task import Task
from oo_contracts.wire import Name, Wire

__all__ = [
    "MAX_CANDIDATES",
    "MAX_TASKS",
    "Candidate",
    "CandidateScore",
    "Degraded",
    "ExperimentInfo",
    "Fallback",
    "ModelInfo",
    "PolicyInfo",
    "ScoreReply",
    "ScoreRequest",
    "UserCall",
]

MAX_TASKS = 1_000  # Todoist itself allows 300 open tasks in a project
MAX_CANDIDATES = 500

Degraded = Literal["predictor", "features"]
Reason = Literal["missing", "null", "invalid", "out_of_range", "stale", "unknown"]


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise PydanticCustomError("unknown_zone", "not an IANA time zone like Europe/Berlin") from None
    return name


Zone = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_known_zone)]


class UserCall(Wire):
    """What every call about a user carries."""

    request_id: Name | None = Field(
        None, description="made by us (UUIDv7) when absent; the same id gets the same answer"
    )
    user_id: Name
    timezone: Zone = Field("UTC", description="IANA name")
    tasks: Annotated[tuple[Task, ...], Field(max_length=MAX_TASKS)] = Field(
        (), description="Todoist task objects, REST v2 or API v1"
    )
    profile_features: dict[str, Any] | None = Field(
        None, description="name to number or null; what is wrong falls back, and the reply says so"
    )
    profile_computed_at: AwareDatetime | dict[str, AwareDatetime] | None = Field(
        None, description="one instant, or one per feature"
    )


class Candidate(Wire):
    """Something that may be shown: a task's tip, a free tip, or nothing at all."""

    id: Name
    kind: Literal["task", "tip", "none"] = "task"
    task_id: Name | None = None
    prompt_version: Name | None = None
    eligible: bool = True


class ScoreRequest(UserCall):
    """Rank the candidates for one user, now. Without candidates: one for each open task."""

    candidates: Annotated[tuple[Candidate, ...], Field(max_length=MAX_CANDIDATES)] | None = None
    baseline: Name | None = Field(
        None, description="what would have been shown without us; default the first eligible candidate"
    )

    @model_validator(mode="after")
    def _refers_to_what_is_there(self) -> Self:
        _unique("tasks", [task.id for task in self.tasks])
        if self.candidates is None:
            return self
        ids = [candidate.id for candidate in self.candidates]
        _unique("candidates", ids)
        tasks = {task.id for task in self.tasks}
        for place, candidate in enumerate(self.candidates):
            if candidate.kind == "task" and candidate.task_id not in tasks:
                raise PydanticCustomError(
                    "unknown_task", "candidates.{place}.task_id names no task of this call", {"place": place}
                )
        if self.baseline is not None and self.baseline not in ids:
            raise PydanticCustomError("unknown_baseline", "baseline names no candidate of this call")
        return self

    def choices(self) -> tuple[Candidate, ...]:
        """The candidates of the call, or one for each open task in the order given."""
        if self.candidates is not None:
            return self.candidates
        return tuple(Candidate(id=task.id, task_id=task.id) for task in self.tasks if not task.completed)


def _unique(field: str, ids: list[str]) -> None:
    if len(set(ids)) < len(ids):
        twice = Counter(ids).most_common(1)[0][0]
        raise PydanticCustomError(
            "duplicate_id", "{field} has the id {twice} more than once", {"field": field, "twice": twice}
        )


class CandidateScore(Wire):
    """One candidate's place: score is the model's value, propensity the chance with which it was to be chosen."""

    candidate_id: str
    score: float
    propensity: float = Field(ge=0, le=1)
    rank: int = Field(ge=1)


class ModelInfo(Wire):
    name: str
    version: str


class PolicyInfo(Wire):
    name: str
    version: str


class ExperimentInfo(Wire):
    key: str
    variant: str


class Fallback(Wire):
    """A feature whose declared fallback was used, and why."""

    feature: str = Field(examples=["profile.preferred_hour"])
    reason: Reason


class ScoreReply(Wire):
    """Best first. `chosen` is null only when there was nothing to choose from."""

    request_id: str
    scores: tuple[CandidateScore, ...]
    chosen: str | None
    model: ModelInfo
    policy: PolicyInfo
    experiment: ExperimentInfo | None = None
    feature_set: str = Field(description="name and fingerprint of the feature set, `name@fingerprint`")
    fallbacks: tuple[Fallback, ...] = ()
    profile_age: Literal["known", "unknown"] = "unknown"
    degraded: Degraded | None = None
