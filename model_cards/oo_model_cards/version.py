"""The names of model versions, and the errors about them. No MLflow here: a pinned predictor starts without it.

RegistryError
├── NotFound              there is no such model, version or alias
├── IncompleteVersion     the version was not published by us: it has no digest, feature set or card
└── RegistryUnavailable   MLflow does not answer, or refuses
"""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = [
    "IncompleteVersion",
    "NotFound",
    "Reference",
    "RegisteredVersion",
    "RegistryError",
    "RegistryUnavailable",
    "parse_reference",
]

_REF = re.compile(r"(?:mlflow://|models:/)?(?P<name>\w[\w.\-]*)(?:@(?P<alias>[\w\-]+)|/(?P<version>\d+))")


class RegistryError(Exception):
    """The registry cannot do what was requested."""


class NotFound(RegistryError):
    """There is nothing under that reference."""


class IncompleteVersion(RegistryError):
    """The version lacks what `publish` writes."""


class RegistryUnavailable(RegistryError):
    """MLflow does not answer, or refuses."""


@dataclass(frozen=True, slots=True)
class RegisteredVersion:
    """One registered version, pinned by the digest of its folder."""

    name: str
    version: str
    digest: str
    feature_set: str
    run_id: str


@dataclass(frozen=True, slots=True)
class Reference:
    """A parsed reference, `name@alias` or `name/3`: exactly one of alias and version is set."""

    name: str
    alias: str | None
    version: str | None


def parse_reference(reference: str) -> Reference:
    """Parse `tip-ranker@champion` or `tip-ranker/3`, with or without `mlflow://` or `models:/` before it.

    >>> parse_reference("mlflow://tip-ranker/3")
    Reference(name='tip-ranker', alias=None, version='3')

    Raises:
        ValueError: neither form.
    """
    match = _REF.fullmatch(reference)
    if match is None:
        raise ValueError(f"{reference} is not like mlflow://tip-ranker@champion or mlflow://tip-ranker/3")
    return Reference(**match.groupdict())
