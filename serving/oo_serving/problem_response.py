"""This module makes responses, among them problems by RFC 9457, which name the field and never quote an exception."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from oo_contracts.limits import MAX_NAME_LENGTH
from oo_contracts.problem import PROBLEM_JSON, FieldError, Problem
from pydantic import ValidationError
from pydantic_core import ErrorDetails, from_json

__all__ = ["FAULT_DETAIL", "HTTPProblem", "Response", "problem", "unavailable", "validation_problem"]

FAULT_DETAIL = "this is a fault of ours; it has been logged"
MAX_FIELD_ERRORS = 20  # errors in one answer


@dataclass(frozen=True, slots=True)
class Response:
    """A response to send; `background` runs when it is sent, and `detail` is what the log says about a refusal."""

    body: bytes
    status: int = 200
    content_type: bytes = b"application/json"
    headers: tuple[tuple[bytes, bytes], ...] = ()
    background: Callable[[], Awaitable[None] | None] | None = None
    detail: str = ""


class HTTPProblem(Exception):
    """A call that is refused; `response` tells the caller what to change."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.detail)
        self.response = response


def problem(
    status: HTTPStatus,
    detail: str,
    errors: Sequence[FieldError] = (),
    headers: Sequence[tuple[str, str]] = (),
) -> Response:
    """Return an `application/problem+json` response."""
    body = Problem(title=status.phrase, status=status, detail=detail, errors=tuple(errors))
    sent = tuple((name.encode(), value.encode()) for name, value in headers)
    return Response(body.model_dump_json().encode(), status, PROBLEM_JSON.encode(), sent, detail=detail)


def unavailable(detail: str) -> Response:
    """Return a 503 that asks the caller to come again in a second."""
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, headers=(("retry-after", "1"),))


def validation_problem(error: ValidationError, body: bytes) -> Response:
    """Return a 400 when the body is no JSON, else a 422 with a pointer to each field, spelt as the caller spelt it."""
    details = error.errors(include_url=False, include_context=False, include_input=False)
    if details[0]["type"] == "json_invalid" and not details[0]["loc"]:  # not a text within, which is to be JSON too
        return problem(HTTPStatus.BAD_REQUEST, "the body is not JSON")
    sent = from_json(body, allow_inf_nan=True)
    errors = _by_field([(_pointer(item, sent), _text(item)) for item in details[:MAX_FIELD_ERRORS]])
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"{errors[0].pointer or 'the body'}: {errors[0].detail}", errors)


def _by_field(errors: Sequence[tuple[str, str]]) -> list[FieldError]:
    """Return one error for each field.

    Of a field with alternatives all are named, or the errors inside the one it matches.
    """
    texts: dict[str, list[str]] = {}
    for pointer, text in errors:
        texts.setdefault(pointer, []).append(text)
    within = {pointer for pointer in texts if any(longer.startswith(f"{pointer}/") for longer in texts)}
    return [
        FieldError(pointer=pointer, detail=", or ".join(dict.fromkeys(alternatives)))
        for pointer, alternatives in texts.items()
        if pointer not in within
    ]


def _pointer(item: ErrorDetails, sent: Any) -> str:
    """Return the RFC 6901 pointer, without the names of union members that pydantic puts into a location."""
    steps: list[str] = []
    container: Any = sent
    for step in item["loc"]:
        if _inside(container, step):
            container = container[step]
        elif not (isinstance(container, dict) and item["type"] == "missing"):
            break
        steps.append(_truncate(str(step)).replace("~", "~0").replace("/", "~1"))
    return "".join(f"/{step}" for step in steps)


def _truncate(name: str) -> str:
    """Cut a name that is longer than any of ours.

    A caller's may be as long as the body, and would be answered and logged.
    """
    return name if len(name) <= MAX_NAME_LENGTH else f"{name[:MAX_NAME_LENGTH]}…"


def _inside(container: Any, step: str | int) -> bool:
    return (
        step in container
        if isinstance(container, dict)
        else isinstance(container, list) and isinstance(step, int) and step < len(container)
    )


def _text(item: ErrorDetails) -> str:
    return item["msg"].removeprefix("Value error, ").removeprefix("Input ").strip()
