"""Experiments are data: a validated file each, read once at start."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from oo_experiments.assignment import bucket_ranges, choose, hash_value, in_namespace
from oo_experiments.policy import Baseline, EpsilonGreedy, Greedy, Policy, Uniform

__all__ = ["RUNNING", "Assignment", "BadExperiment", "Experiment", "PolicySpec", "Variant", "assign", "load"]

RUNNING = Path(__file__).parent / "running"
Share = Annotated[float, Field(ge=0, le=1)]


class BadExperiment(ValueError):
    """A file that is no experiment; the message names the file and the field."""


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PolicySpec(_Data):
    """A policy and its parameters, as a file states them."""

    kind: Literal["epsilon_greedy", "greedy", "uniform", "baseline"]
    epsilon: Share | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.kind == "epsilon_greedy") != (self.epsilon is not None):
            raise ValueError("epsilon belongs to epsilon_greedy, and epsilon_greedy needs it")
        return self

    def build(self) -> Policy:
        if self.epsilon is not None:
            return EpsilonGreedy(self.epsilon)
        fixed: dict[str, Policy] = {"greedy": Greedy(), "uniform": Uniform(), "baseline": Baseline()}
        return fixed[self.kind]


class Variant(_Data):
    name: Annotated[str, Field(min_length=1)]
    weight: Share
    policy: PolicySpec


class Experiment(_Data):
    """Variants by weight, over the covered part of the users (or requests)."""

    key: Annotated[str, Field(pattern=r"^[a-z0-9-]+$")]
    purpose: str
    status: Literal["running", "stopped"] = "running"
    unit: Literal["user", "request"] = "user"
    coverage: Share = 1.0
    namespace: tuple[str, Share, Share] | None = None
    hash_version: Literal[1, 2] = 2
    variants: Annotated[tuple[Variant, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _weights(self) -> Self:
        if abs(sum(variant.weight for variant in self.variants) - 1) > 1e-9:
            raise ValueError("the variants' weights must add up to 1")
        return self


@dataclass(frozen=True, slots=True)
class Assignment:
    """The arm a user (or a request) is in, and the policy that acts there."""

    key: str
    variant: str
    policy: Policy


def load(folder: Path = RUNNING) -> tuple[Experiment, ...]:
    """Every `*.toml` of a folder, by name.

    Raises:
        BadExperiment: a file is not TOML or not an experiment.
    """
    return tuple(_read(path) for path in sorted(folder.glob("*.toml")))


def _read(path: Path) -> Experiment:
    try:
        return Experiment.model_validate(tomllib.loads(path.read_text()))
    except tomllib.TOMLDecodeError as error:
        raise BadExperiment(f"{path.name} is not TOML: {error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        raise BadExperiment(f"{path.name}: {'.'.join(map(str, first['loc'])) or 'file'}: {first['msg']}") from None


def assign(experiments: Iterable[Experiment], user_id: str, request_id: str) -> Assignment | None:
    """The first running experiment that covers this user (or request), and its arm."""
    for experiment in experiments:
        place = _variant(experiment, user_id if experiment.unit == "user" else request_id)
        if place >= 0:
            variant = experiment.variants[place]
            return Assignment(experiment.key, variant.name, variant.policy.build())
    return None


def _variant(experiment: Experiment, unit: str) -> int:
    if experiment.status != "running":
        return -1
    if experiment.namespace is not None and not in_namespace(unit, experiment.namespace):
        return -1
    n = hash_value(experiment.key, unit, experiment.hash_version)
    ranges = bucket_ranges(len(experiment.variants), experiment.coverage, [item.weight for item in experiment.variants])
    return -1 if n is None else choose(n, ranges)
