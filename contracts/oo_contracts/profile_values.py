"""This module bounds a shipped profile value, whatever was sent under its name, to something that any reader holds."""

from __future__ import annotations

from typing import Any

from oo_contracts.limits import MAX_PROFILE_TEXT

__all__ = ["bounded_value"]

MIN_INT64, MAX_INT64 = -(2**63), 2**63 - 1


def bounded_value(value: Any) -> Any:
    """Return the value where readers of the log can hold it, else a short text that no feature accepts.

    >>> bounded_value(7), bounded_value(2**63), bounded_value([0] * 1_000)
    (7, 'a whole number beyond 64 bits', 'a list')
    """
    match value:
        case None | bool() | float():
            return value
        case int():
            return value if MIN_INT64 <= value <= MAX_INT64 else "a whole number beyond 64 bits"
        case str():
            return value[:MAX_PROFILE_TEXT]
        case _:
            return "a list" if isinstance(value, list | tuple) else "an object"
