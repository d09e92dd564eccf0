"""Experiments are data: validated files, and the same values from a key-value bucket while everything runs."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from oo_experiments.beliefs import Beliefs
from oo_experiments.kinds import KINDS, build
from oo_experiments.policy import Policy

__all__ = ["HOLDOUT", "RUNNING", "BadExperiment", "Experiment", "Holdout", "PolicySpec", "Variant", "load", "parsed"]

RUNNING = Path(__file__).parent / "running"
HOLDOUT = "holdout"  # the name of its file and of its key: no experiment has it
Share = Annotated[float, Field(ge=0, le=1)]
Mode = Literal["active", "shadow", "apprentice"]
About = Literal["candidates", "prompts"]


class BadExperiment(ValueError):
    """A definition that is no experiment; the message names where it is from and the field."""


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class PolicySpec(_Data):
    """A policy by its kind; its parameters stand beside it, as `{ kind = "softmax", temperature = 0.1 }`."""

    model_config = ConfigDict(extra="allow")

    kind: str

    @field_validator("kind")
    @classmethod
    def _known(cls, kind: str) -> str:
        if kind not in KINDS:
            raise ValueError(f"{kind} is none of {', '.join(KINDS)}")
        return kind

    @model_validator(mode="after")
    def _complete(self) -> Self:
        for name, value in self.parameters.items():
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise ValueError(f"{name} is a number, not {value!r}")  # noqa: TRY004  # pydantic takes no TypeError
        self.build(Beliefs())
        return self

    @property
    def parameters(self) -> Mapping[str, Any]:
        return self.model_extra or {}

    @property
    def needs_beliefs(self) -> bool:
        return KINDS[self.kind].beliefs is not None

    @property
    def needs_contexts(self) -> bool:
        return KINDS[self.kind].beliefs == "linear"

    @cached_property
    def _fixed(self) -> Policy | None:
        """What no belief changes is built once."""
        return None if self.needs_beliefs else build(self.kind, self.parameters)

    def build(self, beliefs: Beliefs) -> Policy:
        """The policy as it is while these are the beliefs."""
        return self._fixed or build(self.kind, self.parameters, beliefs)


class Variant(_Data):
    """`active`: its policy acts. `shadow`: the default policy does. `apprentice`: the baseline does.

    What does not act is logged all the same, with its chance for each candidate.
    """

    name: Annotated[str, Field(min_length=1, max_length=64)]
    weight: Share
    policy: PolicySpec
    mode: Mode = "active"


class Experiment(_Data):
    """Variants by weight, over the covered part of the users (or requests).

    About `candidates` it is asked by /score; about `prompts` by a /generate whose prompt version is `auto`, and then
    `prompts` are the versions to choose from. `shadows` are policies whose chances are logged on each of its rounds.
    """

    key: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
    purpose: str
    about: About = "candidates"
    prompts: tuple[str, ...] = ()
    status: Literal["running", "stopped"] = "running"
    start: AwareDatetime | None = None
    stop: AwareDatetime | None = None
    unit: Literal["user", "request"] = "user"
    coverage: Share = 1.0
    namespace: tuple[str, Share, Share] | None = None
    hash_version: Literal[1, 2] = 2
    variants: Annotated[tuple[Variant, ...], Field(min_length=1, max_length=100)]
    shadows: Annotated[tuple[PolicySpec, ...], Field(max_length=20)] = ()  # each is computed while a user waits

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.key == HOLDOUT:
            raise ValueError(f"key: {HOLDOUT} is the global holdout's")
        if abs(sum(variant.weight for variant in self.variants) - 1) > 1e-9:
            raise ValueError("the variants' weights must add up to 1")
        if twice := [name for name, count in Counter(item.name for item in self.variants).items() if count > 1]:
            raise ValueError(f"two variants are called {twice[0]}")
        if self.start and self.stop and self.start >= self.stop:
            raise ValueError("stop must be after start")
        return self

    @model_validator(mode="after")
    def _of_its_subject(self) -> Self:
        if (self.about == "prompts") != bool(self.prompts):
            raise ValueError("prompts are the versions of an experiment about prompts, and it needs them")
        if len(set(self.prompts)) < len(self.prompts):
            raise ValueError("prompts: a version stands there twice")
        if self.about == "prompts" and self.needs_contexts:
            raise ValueError("a prompt version has no feature row: choose a policy that needs none")
        return self

    @property
    def policies(self) -> tuple[PolicySpec, ...]:
        """All that act or are logged."""
        return (*(variant.policy for variant in self.variants), *self.shadows)

    @property
    def needs_beliefs(self) -> bool:
        return any(item.needs_beliefs for item in self.policies)

    @property
    def needs_contexts(self) -> bool:
        return any(item.needs_contexts for item in self.policies)

    @property
    def weights(self) -> dict[str, float]:
        return {variant.name: variant.weight for variant in self.variants}

    def runs(self, now: datetime) -> bool:
        """Started, not stopped."""
        begun = self.start is None or self.start <= now
        return self.status == "running" and begun and (self.stop is None or now < self.stop)


class Holdout(_Data):
    """The share of the users that gets the baseline everywhere: what all changes together are worth is seen on it."""

    share: Share
    seed: Annotated[str, Field(min_length=1)] = HOLDOUT
    purpose: str = ""


def load(folder: Path = RUNNING) -> tuple[tuple[Experiment, ...], Holdout | None]:
    """Every `*.toml` of a folder, by name; `holdout.toml` is the holdout.

    Raises:
        BadExperiment: a file is not TOML or not an experiment, or two have one key.
    """
    found = {path: _read(path) for path in sorted(folder.glob("*.toml"))}
    experiments = tuple(item for item in found.values() if isinstance(item, Experiment))
    if twice := [key for key, count in Counter(item.key for item in experiments).items() if count > 1]:
        raise BadExperiment(f"two files of {folder} are the experiment {twice[0]}")
    return experiments, next((item for item in found.values() if isinstance(item, Holdout)), None)


def _read(path: Path) -> Experiment | Holdout:
    try:
        return parsed(path.name, tomllib.loads(path.read_text()))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadExperiment(f"{path.name} is not TOML: {error}") from None


def parsed(name: str, data: Mapping[str, Any] | str | bytes) -> Experiment | Holdout:
    """A definition by its file or key: of plain values, or of JSON text as it is in the bucket.

    Raises:
        BadExperiment: it is none, or the bucket has it by another key than its own.
    """
    kind: type[Experiment | Holdout] = Holdout if name.removesuffix(".toml") == HOLDOUT else Experiment
    in_bucket = isinstance(data, str | bytes)
    try:
        found = kind.model_validate_json(data) if isinstance(data, str | bytes) else kind.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "file"
        raise BadExperiment(f"{name}: {where}: {first['msg'].removeprefix('Value error, ')}") from None
    if in_bucket and isinstance(found, Experiment) and found.key != name:
        raise BadExperiment(f"{name}: key: this is the experiment {found.key}")
    return found
