"""JSON files that TypeScript imports as values."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from oo_features.registry_ts.source_file import NotConstant, SourceLocation
from oo_features.registry_ts.values import LocatedValue, Value

__all__ = ["read_json"]


def read_json(path: Path) -> LocatedValue:
    """Return a file's value; its parts have the location of the file as a whole.

    Raises:
        NotConstant: the file cannot be read, or is no JSON.
    """
    place = SourceLocation(str(path), 0)
    try:
        return _located(
            json.loads(
                path.read_text("utf-8-sig"), parse_int=_number, parse_float=_number, parse_constant=_no_constant
            ),
            place,
        )
    except OSError as error:
        raise NotConstant(place, f"cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise NotConstant(place, f"is no JSON: {error}") from None


def _number(written: str) -> float:
    if not math.isfinite(number := float(written)):
        raise ValueError(f"`{written}` is too large")
    return number


def _no_constant(word: str) -> float:
    raise ValueError(f"`{word}` is JavaScript")


def _located(value: Any, place: SourceLocation) -> LocatedValue:
    if isinstance(value, str):
        value.encode()  # half a character is a ValueError
    if isinstance(value, dict):
        for key in value:
            key.encode()
        if "__proto__" in value:
            raise ValueError("`__proto__` is no ordinary key")
        return LocatedValue({key: _located(part, place) for key, part in value.items()}, place)
    if isinstance(value, list):
        return LocatedValue([_located(part, place) for part in value], place)
    scalar: Value = value
    return LocatedValue(scalar, place)
