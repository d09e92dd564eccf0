"""This module defines the call `POST /generate`, which writes one tip, and its reply."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from oo_contracts.score import Candidate
from oo_contracts.user_call import CallFallback, UserCall, task_ids
from oo_contracts.wire import Name, Wire

__all__ = ["MAX_TOKENS", "FallbackReason", "GenerateReply", "GenerateRequest", "Usage"]

FallbackReason = Literal["timeout", "unavailable", "invalid_output"]


class GenerateRequest(UserCall):
    """Write a tip about the candidate, or about the whole list when there is none."""

    candidate: Candidate | None = None
    candidate_propensity: Annotated[float, Field(gt=0, le=1)] | None = Field(
        None, description="the candidate's propensity in /score; logged with that of the prompt version"
    )
    prompt_version: Name | None = Field(
        None,
        description="precedence: this, then DEFAULT_PROMPT_VERSION, then v1; `auto`: the running experiment draws one",
    )

    @field_validator("candidate")
    @classmethod
    def _about_a_task_of_this_call(cls, candidate: Candidate | None, info: ValidationInfo) -> Candidate | None:
        known_ids = task_ids(info)
        if (
            candidate is not None
            and candidate.kind == "task"
            and known_ids is not None
            and candidate.task_id not in known_ids
        ):
            raise PydanticCustomError("unknown_task", "task_id names no task of this call")
        return candidate


MAX_TOKENS = 2**31 - 1  # of a count that a column of 32 bits can hold
Tokens = Annotated[int, Field(ge=0, le=MAX_TOKENS)]


class Usage(Wire):
    """Tokens as the model's server counted them; zero when the tip came from the template."""

    prompt_tokens: Tokens = 0
    completion_tokens: Tokens = 0


class GenerateReply(Wire):
    """The tip; `fallback` is why a template wrote it, null after a model, `fallbacks` what could not be used."""

    request_id: str
    tip: str
    prompt_version: str
    prompt_propensity: float | None = Field(
        None, description="the version's propensity in the draw; null when the call or the deployment named it"
    )
    model: str
    fallback: FallbackReason | None = None
    usage: Usage = Usage()
    fallbacks: tuple[CallFallback, ...] = ()
