"""This module makes many objects of a frozen pydantic model from values that are valid already.

`model_construct` looks at each field of each object: for two objects a candidate that was most of what it cost to
publish a decision. Here the fields are looked at once for all objects. What is set is what `model_construct` sets.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

from pydantic import BaseModel

__all__ = ["valid_models"]

M = TypeVar("M", bound=BaseModel)


def valid_models(model: type[M], *columns: Iterable[Any]) -> tuple[M, ...]:
    """Return one object for each entry of the columns, of which there is one for each field, in the fields' order.

    Raises:
        ValueError: there are more or fewer columns than fields, or their lengths differ.
    """
    names, set_fields = tuple(model.model_fields), set(model.model_fields)
    if len(columns) != len(names):
        raise ValueError(f"{model.__name__} has {len(names)} fields, not {len(columns)}")
    rows = zip(*columns, strict=True)
    return tuple(_valid_model(model, dict(zip(names, row, strict=True)), set_fields) for row in rows)


def _valid_model(model: type[M], values: dict[str, Any], set_fields: set[str]) -> M:
    made = model.__new__(model)
    object.__setattr__(made, "__dict__", values)
    object.__setattr__(made, "__pydantic_fields_set__", set_fields.copy())
    object.__setattr__(made, "__pydantic_extra__", None)
    object.__setattr__(made, "__pydantic_private__", None)
    return made
