"""Answers, and those of them that are problems: RFC 9457, the field named, never the text of an exception."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from oo_contracts.problem import PROBLEM_JSON, FieldError, Problem
from pydantic import ValidationError
from pydantic_core import ErrorDetails, from_json

__all__ = ["Reply", "invalid", "problem"]

MOST = 20  # errors in one answer


@dataclass(frozen=True, slots=True)
class Reply:
    """Bytes to send; `after` runs when they are sent."""

    body: bytes
    status: int = 200
    content_type: bytes = b"application/json"
    headers: tuple[tuple[bytes, bytes], ...] = ()
    after: Callable[[], None] | None = None


def problem(
    status: HTTPStatus,
    detail: str,
    errors: Sequence[FieldError] = (),
    headers: Sequence[tuple[str, str]] = (),
) -> Reply:
    """An `application/problem+json` answer."""
    body = Problem(title=status.phrase, status=status, detail=detail, errors=tuple(errors))
    sent = tuple((name.encode(), value.encode()) for name, value in headers)
    return Reply(body.model_dump_json().encode(), status, PROBLEM_JSON.encode(), sent)


def invalid(error: ValidationError, body: bytes) -> Reply:
    """400 when the body is no JSON, else 422 with a pointer to each field, spelt as the caller spelt it."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    if found[0]["type"] == "json_invalid":
        return problem(HTTPStatus.BAD_REQUEST, "the body is not JSON")
    sent = from_json(body, allow_inf_nan=True)
    errors = _by_field([(_pointer(item, sent), _text(item)) for item in found[:MOST]])
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"{errors[0].pointer or 'the body'}: {errors[0].detail}", errors)


def _by_field(found: Sequence[tuple[str, str]]) -> list[FieldError]:
    """One for each field. Where a field may be several things, all are said, or what is wrong within the one it is."""
    texts: dict[str, list[str]] = {}
    for pointer, text in found:
        texts.setdefault(pointer, []).append(text)
    within = {pointer for pointer in texts if any(other.startswith(f"{pointer}/") for other in texts)}
    return [
        FieldError(pointer=pointer, detail=", or ".join(dict.fromkeys(said)))
        for pointer, said in texts.items()
        if pointer not in within
    ]


def _pointer(item: ErrorDetails, sent: Any) -> str:
    """The RFC 6901 pointer; the names of union members, which pydantic puts into a location, are left out."""
    steps: list[str] = []
    at: Any = sent
    for step in item["loc"]:
        if _inside(at, step):
            at = at[step]
        elif not (isinstance(at, dict) and item["type"] == "missing"):
            break
        steps.append(str(step).replace("~", "~0").replace("/", "~1"))
    return "".join(f"/{step}" for step in steps)


def _inside(at: Any, step: str | int) -> bool:
    return step in at if isinstance(at, dict) else isinstance(at, list) and isinstance(step, int) and step < len(at)


def _text(item: ErrorDetails) -> str:
    return item["msg"].removeprefix("Value error, ").removeprefix("Input ").strip()
