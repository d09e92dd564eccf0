"""This module defines errors as RFC 9457 `application/problem+json`: they name the field and quote no exception."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["PROBLEM_JSON", "FieldError", "Problem"]

PROBLEM_JSON = "application/problem+json"


class FieldError(BaseModel):
    """The error of one field; `pointer` is an RFC 6901 JSON pointer into the body."""

    model_config = ConfigDict(frozen=True)

    pointer: str = Field(examples=["/tasks/0/priority"])
    detail: str


class Problem(BaseModel):
    """The body of every answer that is not a 2xx."""

    model_config = ConfigDict(frozen=True)

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    errors: tuple[FieldError, ...] = ()
