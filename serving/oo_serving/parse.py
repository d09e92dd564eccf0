"""This module validates JSON as a model of the contract, in a bounded time whatever is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any, TypeVar

from oo_contracts.limits import MAX_ERRORS, MAX_OBJECT_FIELDS, MAX_TASKS, MAX_UNSCREENED_OBJECTS, MAX_UNSCREENED_VALUES
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from oo_serving.body import count_objects, count_values, replace_lone_surrogates
from oo_serving.pace import Pace
from oo_serving.problem_response import HTTPProblem, Response, problem, validation_problem

__all__ = ["parse_body"]

M = TypeVar("M", bound=BaseModel)
CROWDED_MESSAGE = f"an object has more than {MAX_OBJECT_FIELDS} fields, or a list more than {MAX_TASKS} items"
Chunks = Callable[[Any], Iterator[None]]
MAX_DEPTH = 4  # to which objects are screened: a due date of a task of an instance


def _none(_: Any) -> Iterator[None]:
    return iter(())


async def parse_body(model: type[M], body: bytes, pace: Pace, chunks: Chunks = _none) -> M:
    """Return the body as the model, in steps of the call.

    A body that cannot be read is tried again with its lone halves of surrogate pairs replaced. `chunks` reads parts of
    a large call's plain JSON in place, some of them between two yields.

    Raises:
        HTTPProblem: 400 when the body is not JSON, 422 when a field is wrong.
    """
    plain = await _screened_json(body, pace)
    for _ in chunks(plain):
        await pace.step()
    try:
        parsed = model.model_validate_json(body) if plain is None else model.model_validate(plain)
    except ValidationError as error:
        if not _is_no_json(error):
            raise HTTPProblem(_refusal(error, body)) from None
        if (text := replace_lone_surrogates(body)) is body:
            raise HTTPProblem(validation_problem(error, body)) from None
        return await parse_body(model, text, pace, chunks)
    await pace.step()
    return parsed


async def _screened_json(body: bytes, pace: Pace) -> Any:
    """Return the plain JSON of a body that may take long to be validated, and None for any other."""
    if count_values(body) <= MAX_UNSCREENED_VALUES and count_objects(body) <= MAX_UNSCREENED_OBJECTS:
        return None
    plain = _plain(body)
    if plain is not None and _is_crowded(plain, MAX_DEPTH):
        raise HTTPProblem(problem(HTTPStatus.UNPROCESSABLE_ENTITY, CROWDED_MESSAGE))
    await pace.step()
    return plain


def _is_no_json(error: ValidationError) -> bool:
    if error.error_count() > 1:
        return False
    only = error.errors(include_url=False, include_context=False, include_input=False)[0]
    return only["type"] == "json_invalid" and not only["loc"]


def _refusal(error: ValidationError, body: bytes) -> Response:
    """Return the problem of a body; describing an error costs time, so a body with very many gets only their number."""
    if (count := error.error_count()) > MAX_ERRORS:
        return problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"the body has {count} errors; see the OpenAPI document")
    return validation_problem(error, body)


def _plain(body: bytes) -> Any:
    """Return the plain JSON object, or None when there is none: validation will describe what is wrong."""
    try:
        plain = from_json(body, allow_inf_nan=True, cache_strings="none")
    except ValueError:
        return None
    return plain if isinstance(plain, dict) else None


def _is_crowded(value: Any, depth: int) -> bool:
    """Whether an object has far more fields, or a list far more items, than any of the contract.

    Each of them might be an error.
    """
    if len(value) > (MAX_OBJECT_FIELDS if isinstance(value, dict) else MAX_TASKS):
        return True
    items = value.values() if isinstance(value, dict) else value
    return depth > 0 and any(_is_crowded(item, depth - 1) for item in items if isinstance(item, dict | list))
