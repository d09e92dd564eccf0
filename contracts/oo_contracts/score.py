"""This module defines the call `POST /score`, which ranks candidates, and its reply."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from oo_contracts.limits import MAX_CANDIDATES
from oo_contracts.user_call import CallFallback, Fallback, Reason, UserCall, task_ids, unique_ids
from oo_contracts.wire import Name, Wire

__all__ = [
    "AUTO",
    "NO_MODEL",
    "CallFallback",
    "Candidate",
    "CandidateScore",
    "Degraded",
    "ExperimentInfo",
    "Fallback",
    "ModelInfo",
    "PolicyInfo",
    "Reason",
    "ScoreReply",
    "ScoreRequest",
    "arm_of",
]

AUTO = "auto"  # as a prompt version: the running experiment is to choose one

Degraded = Literal["predictor", "features", "overload"]


class Candidate(Wire):
    """Something that may be shown: a task's tip, a free tip, or nothing at all."""

    id: Name
    kind: Literal["task", "tip", "none"] = "task"
    task_id: Name | None = None
    prompt_version: Name | None = None
    eligible: bool = True


def arm_of(kind: str, prompt_version: str | None) -> str:
    """Return the key of the beliefs about a candidate: its prompt version where that is decided, else its kind.

    >>> arm_of("tip", "v2"), arm_of("task", None), arm_of("task", "auto")
    ('v2', 'task', 'task')
    """
    return kind if prompt_version in {None, AUTO} else str(prompt_version)


class ScoreRequest(UserCall):
    """Rank the candidates for one user, now. Without candidates, each open task is one."""

    candidates: (
        Annotated[tuple[Candidate, ...], Field(max_length=MAX_CANDIDATES, fail_fast=True), AfterValidator(unique_ids)]
        | None
    ) = None
    baseline: Name | None = Field(
        None, description="what would have been shown without us; default the first eligible candidate"
    )

    @field_validator("candidates")
    @classmethod
    def _about_tasks_of_this_call(
        cls, candidates: tuple[Candidate, ...] | None, info: ValidationInfo
    ) -> tuple[Candidate, ...] | None:
        known_ids = task_ids(info)
        for index, candidate in enumerate(candidates or ()):
            if candidate.kind == "task" and known_ids is not None and candidate.task_id not in known_ids:
                raise PydanticCustomError(
                    "unknown_task", "{place}/task_id names no task of this call", {"place": index}
                )
        return candidates

    @field_validator("baseline")
    @classmethod
    def _a_candidate_of_this_call(cls, baseline: str | None, info: ValidationInfo) -> str | None:
        candidates, tasks = info.data.get("candidates"), info.data.get("tasks", ())
        known_ids = {item.id for item in (tasks if candidates is None else candidates)}
        if baseline is not None and baseline not in known_ids:
            raise PydanticCustomError("unknown_baseline", "names no candidate of this call")
        return baseline


class CandidateScore(Wire):
    """One candidate's score (the model's value), propensity (its probability to be chosen) and rank."""

    candidate_id: str
    score: float
    propensity: float = Field(ge=0, le=1)
    rank: int = Field(ge=1)


class ModelInfo(Wire):
    """The registered name and version of the model that gave the values."""

    name: str
    version: str


NO_MODEL = ModelInfo(name="none", version="0")  # of a degraded, empty or simulated round, whose values are all 0


class PolicyInfo(Wire):
    """The name and version of the policy that chose."""

    name: str
    version: str


class ExperimentInfo(Wire):
    """The experiment of the call and the variant that the user is in."""

    key: str
    variant: str


class ScoreReply(Wire):
    """Best first. `chosen` is null only when there was nothing to choose from."""

    request_id: str
    scores: tuple[CandidateScore, ...]
    chosen: str | None
    model: ModelInfo
    policy: PolicyInfo
    experiment: ExperimentInfo | None = None
    feature_set: str = Field(description="name and fingerprint of the feature set, `name@fingerprint`")
    fallbacks: tuple[CallFallback, ...] = ()
    profile_age: Literal["known", "unknown"] = "unknown"
    degraded: Degraded | None = None
