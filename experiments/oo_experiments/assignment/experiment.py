"""This module defines experiments as data: validated files, and the same values from a key-value bucket at run time."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from oo_experiments.assignment.definition_errors import field_errors, variant_errors
from oo_experiments.policies.beliefs import Beliefs
from oo_experiments.policies.policy import Policy
from oo_experiments.policies.policy_registry import POLICIES, build_policy, parameter_errors

__all__ = [
    "EXPERIMENTS_DIR",
    "HOLDOUT",
    "BadExperiment",
    "Experiment",
    "Holdout",
    "PolicySpec",
    "Variant",
    "load_experiments",
    "parse_definition",
]

EXPERIMENTS_DIR = Path(__file__).parents[1] / "running"
HOLDOUT = "holdout"  # the name of its file and of its key: no experiment has it
Share = Annotated[float, Field(ge=0, le=1)]
Mode = Literal["active", "shadow", "apprentice"]
DecisionKind = Literal["candidates", "prompts"]


class BadExperiment(ValueError):
    """A definition is no experiment; the message names its source and each wrong field.

    `mistakes` has the sentences one by one.
    """

    def __init__(self, source: str, *mistakes: str) -> None:
        super().__init__(": ".join([source, "; ".join(mistakes)] if mistakes else [source]))
        self.mistakes = mistakes


class _Definition(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class PolicySpec(_Definition):
    """A policy by its kind, with its parameters beside it, as `{ kind = "softmax", temperature = 0.1 }`."""

    model_config = ConfigDict(extra="allow")

    kind: str

    @field_validator("kind")
    @classmethod
    def _known(cls, kind: str) -> str:
        if kind not in POLICIES:
            raise ValueError(f"{kind} is none of {', '.join(POLICIES)}")
        return kind

    @model_validator(mode="after")
    def _complete(self) -> Self:
        no_numbers = {
            name: f"{name} is a number, not {value!r}"
            for name, value in self.parameters.items()
            if isinstance(value, bool) or not isinstance(value, int | float)
        }
        numbers = {name: 0.0 if name in no_numbers else value for name, value in self.parameters.items()}
        wrong = [str(error) for error in parameter_errors(self.kind, numbers) if error.name not in no_numbers]
        if no_numbers or wrong:
            raise ValueError("; ".join([*no_numbers.values(), *wrong]))
        self.build(Beliefs())
        return self

    @property
    def parameters(self) -> Mapping[str, Any]:
        """The parameters that the definition gives, by name."""
        return self.model_extra or {}

    @property
    def needs_beliefs(self) -> bool:
        """Whether the policy decides by beliefs."""
        return POLICIES[self.kind].beliefs is not None

    @property
    def needs_contexts(self) -> bool:
        """Whether the policy reads the candidates' contexts."""
        return POLICIES[self.kind].beliefs == "linear"

    @cached_property
    def _fixed(self) -> Policy | None:
        """The policy, built once, if no beliefs change it."""
        return None if self.needs_beliefs else build_policy(self.kind, self.parameters)

    def build(self, beliefs: Beliefs) -> Policy:
        """Return the policy with these beliefs."""
        return self._fixed or build_policy(self.kind, self.parameters, beliefs)


class Variant(_Definition):
    """One arm: in the mode `active` its policy acts, in `shadow` the default policy, in `apprentice` the baseline.

    A policy that does not act is logged all the same, with its propensity for each candidate.
    """

    name: Annotated[str, Field(min_length=1, max_length=64)]
    weight: Share
    policy: PolicySpec
    mode: Mode = "active"


class Experiment(_Definition):
    """Variants by weight, over the covered part of the users (or requests).

    An experiment about `candidates` decides in /score; one about `prompts` decides in a /generate
    whose prompt version is `auto`, among the versions in `prompts`. `shadows` are policies whose
    propensities are logged on each of its rounds.
    """

    key: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
    purpose: str
    about: DecisionKind = "candidates"
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
        if wrong := [*self._mistakes()]:
            raise ValueError("; ".join(wrong))
        return self

    def _mistakes(self) -> Iterator[str]:
        """Yield what is wrong with fields together that are valid by themselves."""
        if self.key == HOLDOUT:
            yield f"key: {HOLDOUT} is the global holdout's"
        yield from variant_errors([it.weight for it in self.variants], [it.name for it in self.variants])
        if self.start and self.stop and self.start >= self.stop:
            yield "stop must be after start"
        if (self.about == "prompts") != bool(self.prompts):
            yield "prompts are the versions of an experiment about prompts, and it needs them"
        if len(set(self.prompts)) < len(self.prompts):
            yield "prompts: a version stands there twice"
        if self.about == "prompts" and self.needs_contexts:
            yield "a prompt version has no feature row: choose a policy that needs none"

    @property
    def policies(self) -> tuple[PolicySpec, ...]:
        """All policies that act or are logged."""
        return (*(variant.policy for variant in self.variants), *self.shadows)

    @property
    def needs_beliefs(self) -> bool:
        """Whether any of the policies decides by beliefs."""
        return any(item.needs_beliefs for item in self.policies)

    @property
    def needs_contexts(self) -> bool:
        """Whether any of the policies reads the candidates' contexts."""
        return any(item.needs_contexts for item in self.policies)

    @property
    def weights(self) -> dict[str, float]:
        """The weight of each variant, by its name."""
        return {variant.name: variant.weight for variant in self.variants}

    def runs(self, now: datetime) -> bool:
        """Whether the experiment has started and is not stopped at the instant `now`."""
        begun = self.start is None or self.start <= now
        return self.status == "running" and begun and (self.stop is None or now < self.stop)


class Holdout(_Definition):
    """The share of the users that gets the baseline everywhere, to measure what all changes together are worth."""

    share: Share
    seed: Annotated[str, Field(min_length=1)] = HOLDOUT
    purpose: str = ""


def load_experiments(folder: Path = EXPERIMENTS_DIR) -> tuple[tuple[Experiment, ...], Holdout | None]:
    """Return the experiments and the holdout in the `*.toml` files of a folder, by name.

    `holdout.toml` is the holdout.

    Raises:
        BadExperiment: a file is not TOML or not an experiment, or two files have the same key.
    """
    definitions = {path: _read(path) for path in sorted(folder.glob("*.toml"))}
    experiments = tuple(item for item in definitions.values() if isinstance(item, Experiment))
    if repeated := [key for key, count in Counter(item.key for item in experiments).items() if count > 1]:
        raise BadExperiment(f"two files of {folder} are the experiment {repeated[0]}")
    return experiments, next((item for item in definitions.values() if isinstance(item, Holdout)), None)


def _read(path: Path) -> Experiment | Holdout:
    try:
        return parse_definition(path.name, tomllib.loads(path.read_text()))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadExperiment(f"{path.name} is not TOML: {error}") from None


def parse_definition(name: str, data: Mapping[str, Any] | str | bytes) -> Experiment | Holdout:
    """Return the definition of a file or key: of plain values, or of JSON text as it is in the bucket.

    Raises:
        BadExperiment: it is none, or the bucket has it under another key than its own.
    """
    kind: type[Experiment | Holdout] = Holdout if name.removesuffix(".toml") == HOLDOUT else Experiment
    in_bucket = isinstance(data, str | bytes)
    try:
        definition = kind.model_validate_json(data) if isinstance(data, str | bytes) else kind.model_validate(data)
    except ValidationError as error:
        names = {1: kind.model_fields, 3: Variant.model_fields}
        wrong = field_errors(error.errors(), names)
        raise BadExperiment(name, *dict.fromkeys([*wrong, *_plain_variant_errors(data, wrong)])) from None
    if in_bucket and isinstance(definition, Experiment) and definition.key != name:
        raise BadExperiment(name, f"key: this is the experiment {definition.key}")
    return definition


def _plain_variant_errors(data: Mapping[str, Any] | str | bytes, wrong: list[str]) -> Iterator[str]:
    """Yield what is wrong with plain variants together, as far as they can be read: a wrong field must not hide it."""
    variants = data.get("variants") if isinstance(data, Mapping) else None
    plain = [it for it in variants if isinstance(it, dict)] if isinstance(variants, list) else []
    weights = [float(it["weight"]) for it in plain if isinstance(it.get("weight"), int | float)]
    if plain and len(plain) == len(weights):
        reported = " ".join(wrong)
        yield from (it for it in variant_errors(weights, [str(it.get("name")) for it in plain]) if it not in reported)
