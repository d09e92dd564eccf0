"""`POST /generate`: one tip in words."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from oo_contracts.score import Candidate, UserCall, is_task
from oo_contracts.wire import Name, Wire

__all__ = ["FallbackReason", "GenerateReply", "GenerateRequest", "Usage"]

FallbackReason = Literal["timeout", "unavailable", "invalid_output"]


class GenerateRequest(UserCall):
    """Write a tip about the candidate, or about the whole list when there is none."""

    candidate: Candidate | None = None
    candidate_propensity: Annotated[float, Field(gt=0, le=1)] | None = Field(
        None, description="with which chance /score chose the candidate; logged with that of the prompt version"
    )
    prompt_version: Name | None = Field(
        None,
        description="precedence: this, then DEFAULT_PROMPT_VERSION, then v1; `auto`: the running experiment draws one",
    )

    @field_validator("candidate")
    @classmethod
    def _about_a_task_of_this_call(cls, candidate: Candidate | None, info: ValidationInfo) -> Candidate | None:
        if candidate is not None and candidate.kind == "task" and not is_task(candidate.task_id, info):
            raise PydanticCustomError("unknown_task", "task_id names no task of this call")
        return candidate


class Usage(Wire):
    """Tokens as the model's server counted them; zero when the tip came from the template."""

    prompt_tokens: int = 0
    completion_tokens: int = 0


class GenerateReply(Wire):
    """`fallback` says why a template wrote the tip; null when a model did."""

    request_id: str
    tip: str
    prompt_version: str
    prompt_propensity: float | None = Field(
        None, description="with which chance the version was drawn; null when the call or the deployment named it"
    )
    model: str
    fallback: FallbackReason | None = None
    usage: Usage = Usage()
