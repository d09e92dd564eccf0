"""`POST /score`: what the recommender asks, and what it is told."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any, Literal, TypeVar
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from oo_contracts.task import Task
from oo_contracts.wire import Name, Wire

__all__ = [
    "AUTO",
    "MAX_CANDIDATES",
    "MAX_TASKS",
    "NO_MODEL",
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
    "arm_of",
    "is_task",
]

AUTO = "auto"  # as a prompt version: the running experiment is to choose one
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


Zone = Annotated[
    str,
    Field(min_length=1, max_length=64),
    AfterValidator(_known_zone),
    BeforeValidator(lambda name: "UTC" if name is None else name),
]


T = TypeVar("T", Task, "Candidate")


def _unique(items: tuple[T, ...] | None) -> tuple[T, ...] | None:
    """Two of one id could not be told apart in the answer."""
    twice = [name for name, count in Counter(item.id for item in items or ()).items() if count > 1]
    if twice:
        raise PydanticCustomError("duplicate_id", "has the id {twice} more than once", {"twice": twice[0]})
    return items


def is_task(task_id: str | None, info: ValidationInfo) -> bool:
    """Whether the call has the task; a call whose tasks are wrong has that said of them already."""
    return "tasks" not in info.data or task_id in {task.id for task in info.data["tasks"]}


class UserCall(Wire):
    """What every call about a user carries."""

    request_id: Name | None = Field(
        None, description="made by us (UUIDv7) when absent; the same id gets the same answer"
    )
    user_id: Name
    timezone: Zone = Field("UTC", description="IANA name")
    tasks: Annotated[tuple[Task, ...], Field(max_length=MAX_TASKS), AfterValidator(_unique)] = Field(
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


def arm_of(kind: str, prompt_version: str | None) -> str:
    """What beliefs about a candidate are kept by: its wording where that is decided, else its kind.

    >>> arm_of("tip", "v2"), arm_of("task", None), arm_of("task", "auto")
    ('v2', 'task', 'task')
    """
    return kind if prompt_version in {None, AUTO} else str(prompt_version)


class ScoreRequest(UserCall):
    """Rank the candidates for one user, now. Without candidates: one for each open task."""

    candidates: Annotated[tuple[Candidate, ...], Field(max_length=MAX_CANDIDATES), AfterValidator(_unique)] | None = (
        None
    )
    baseline: Name | None = Field(
        None, description="what would have been shown without us; default the first eligible candidate"
    )

    @field_validator("candidates")
    @classmethod
    def _about_tasks_of_this_call(
        cls, candidates: tuple[Candidate, ...] | None, info: ValidationInfo
    ) -> tuple[Candidate, ...] | None:
        for place, candidate in enumerate(candidates or ()):
            if candidate.kind == "task" and not is_task(candidate.task_id, info):
                raise PydanticCustomError(
                    "unknown_task", "{place}/task_id names no task of this call", {"place": place}
                )
        return candidates

    @field_validator("baseline")
    @classmethod
    def _a_candidate_of_this_call(cls, baseline: str | None, info: ValidationInfo) -> str | None:
        candidates, tasks = info.data.get("candidates"), info.data.get("tasks", ())
        known = {item.id for item in (tasks if candidates is None else candidates)}
        if baseline is not None and baseline not in known:
            raise PydanticCustomError("unknown_baseline", "names no candidate of this call")
        return baseline

    def choices(self) -> tuple[Candidate, ...]:
        """The candidates of the call, or one for each open task in the order given."""
        if self.candidates is not None:
            return self.candidates
        return tuple(Candidate(id=task.id, task_id=task.id) for task in self.tasks if not task.completed)


class CandidateScore(Wire):
    """One candidate's place: score is the model's value, propensity the chance with which it was to be chosen."""

    candidate_id: str
    score: float
    propensity: float = Field(ge=0, le=1)
    rank: int = Field(ge=1)


class ModelInfo(Wire):
    name: str
    version: str


NO_MODEL = ModelInfo(name="none", version="0")  # of a degraded, empty or simulated round, whose values are all 0


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
