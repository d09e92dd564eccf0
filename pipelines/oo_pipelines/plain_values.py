"""Results in the form that JSON has."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from typing import Any

__all__ = ["to_plain"]


def to_plain(value: Any) -> Any:
    """Return dataclasses as objects and instants as text; JSON knows no infinity, so an unknown number is null.

    >>> to_plain({"upper": math.inf, "of": (1, 2.5)})
    {'upper': None, 'of': [1, 2.5]}
    """
    if is_dataclass(value):
        return {item.name: to_plain(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, Mapping):
        return {key: to_plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_plain(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat()
    return None if isinstance(value, float) and not math.isfinite(value) else value
