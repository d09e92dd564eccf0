"""This module names everything that is wrong with a definition at once, each mistake with its field."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from oo_experiments.policies.spelling import did_you_mean

__all__ = ["field_errors", "variant_errors"]

Location = tuple[int | str, ...]


def field_errors(errors: Iterable[Mapping[str, Any]], fields: Mapping[int, Iterable[str]]) -> list[str]:
    """Return pydantic's errors as sentences, field first.

    `fields` has the names that exist at each depth of a location.

    A list that is too short only because its items are wrong is no mistake of its own.
    """
    all_errors = list(errors)
    return [_sentence(error, fields) for error in all_errors if not _follows(error, all_errors)]


def _sentence(error: Mapping[str, Any], fields: Mapping[int, Iterable[str]]) -> str:
    location: Location = error["loc"]
    where = ".".join(map(str, location)) or "file"
    if error["type"] == "extra_forbidden":
        return f"{where}: there is no such field{did_you_mean(str(location[-1]), fields.get(len(location), ()))}"
    if error["type"] == "missing":
        return f"{where}: this field is required"
    return f"{where}: {error['msg'].removeprefix('Value error, ')}"


def _follows(error: Mapping[str, Any], errors: Iterable[Mapping[str, Any]]) -> bool:
    location: Location = error["loc"]
    return error["type"] == "too_short" and any(
        len(item["loc"]) > len(location) and item["loc"][: len(location)] == location for item in errors
    )


def variant_errors(weights: Sequence[float], names: Sequence[str]) -> Iterator[str]:
    """Yield a sentence for each mistake that is no single variant's: weights that do not add up, names used twice."""
    if abs(sum(weights) - 1) > 1e-9:
        yield "the variants' weights must add up to 1"
    for name, count in Counter(names).items():
        if count > 1:
            yield f"two variants are called {name}"
