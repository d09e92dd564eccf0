"""What names a model version, and what can be wrong with it. No MLflow here: a pinned predictor starts without it.

RegistryError
├── NotFound      no such model, version or alias
├── Unpublished   the version was not published by us: it has no digest, feature set or card
└── Unavailable   MLflow does not answer, or refuses
"""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["NotFound", "Reference", "RegistryError", "Unavailable", "Unpublished", "Version", "parse"]

_REF = re.compile(r"(?:mlflow://|models:/)?(?P<name>\w[\w.\-]*)(?:@(?P<alias>[\w\-]+)|/(?P<version>\d+))")


class RegistryError(Exception):
    """The registry cannot do what was asked."""


class NotFound(RegistryError):
    """There is nothing under that reference."""


class Unpublished(RegistryError):
    """The version lacks what `publish` writes."""


class Unavailable(RegistryError):
    """MLflow could not be asked."""


@dataclass(frozen=True, slots=True)
class Version:
    """One registered version, pinned by the digest of its folder."""

    name: str
    version: str
    digest: str
    feature_set: str
    run_id: str


@dataclass(frozen=True, slots=True)
class Reference:
    """What `name@alias` or `name/3` says. Exactly one of alias and version is there."""

    name: str
    alias: str | None
    version: str | None


def parse(reference: str) -> Reference:
    """Read `tip-ranker@champion` or `tip-ranker/3`, with `mlflow://` or `models:/` before it or not.

    >>> parse("mlflow://tip-ranker/3")
    Reference(name='tip-ranker', alias=None, version='3')

    Raises:
        ValueError: neither form.
    """
    found = _REF.fullmatch(reference)
    if found is None:
        raise ValueError(f"{reference} is not like mlflow://tip-ranker@champion or mlflow://tip-ranker/3")
    return Reference(**found.groupdict())
