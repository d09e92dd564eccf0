"""This module defines the parts of a decision's event, and the version of their names."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AliasChoices, AwareDatetime, Field

from oo_contracts.event import EventName, Fact
from oo_contracts.instant import Instant
from oo_contracts.score import ExperimentInfo, PolicyInfo
from oo_contracts.task import TaskFacts

__all__ = [
    "COLUMNAR_VERSION",
    "SCHEMA_VERSION",
    "AnyVersion",
    "AssignmentFacts",
    "ContextFacts",
    "DecidedCandidate",
    "PromptAssignment",
    "SchemaVersion",
    "ShadowPropensities",
]

SCHEMA_VERSION = "1.1"  # of decisions in rows as they are written; those of 1.0 do not name it, and have other names
COLUMNAR_VERSION = "2.0"  # of decisions of `/score` in columns
# Whatever 1.x was read, its fields have the names of SCHEMA_VERSION from then on, and so has what is written again.
SchemaVersion = Annotated[str, Field(pattern=r"^1\.\d{1,4}$"), AfterValidator(lambda _: SCHEMA_VERSION)]
# A decision keeps whether it was written in rows or in columns, because its checksums are over what was written.
AnyVersion = Annotated[
    str,
    Field(pattern=r"^[12]\.\d{1,4}$", json_schema_extra={"pattern": r"^1\.\d{1,4}$"}),
    AfterValidator(lambda version: COLUMNAR_VERSION if version.startswith("2") else SCHEMA_VERSION),
]
MAX_WEIGHT = 1e9  # of a variant, in proportion to the other variants' weights
Mode = Literal["active", "shadow", "apprentice", "holdout"]


class ContextFacts(Fact):
    """Everything that features read about the context of a decision, without any task text. Replay starts here."""

    now: Instant
    timezone: str
    tasks: tuple[TaskFacts, ...]
    profile: dict[str, Any] | None
    profile_computed_at: AwareDatetime | dict[str, AwareDatetime] | None = None


class DecidedCandidate(Fact):
    """One candidate of a decision: `row` is the served feature row, `value` the model's, `propensity` the policy's."""

    id: EventName
    kind: str
    task_id: str | None = None
    prompt_version: str | None = None
    eligible: bool = True
    row: tuple[float, ...]
    value: float
    propensity: float


class ShadowPropensities(Fact):
    """The propensities that another policy would have given the candidates, in their order."""

    policy: PolicyInfo
    propensities: tuple[float, ...]


class AssignmentFacts(Fact):
    """The experiment as it was defined when the round was assigned: an estimate has to know the weights in force.

    In mode `shadow` the default policy acted, in `apprentice` and `holdout` the baseline; the variant's own policy is
    then among the round's shadows.
    """

    mode: Mode
    unit: Literal["user", "request"]
    coverage: Annotated[float, Field(ge=0, le=1)]
    weights: dict[str, Annotated[float, Field(ge=0, le=MAX_WEIGHT)]]


class PromptAssignment(Fact):
    """The draw of a prompt version, where a call left it to the experiment, with all that replay needs.

    `joint_propensity` is p(candidate) · p(version | candidate), when the call names the propensity of its candidate.
    """

    versions: tuple[str, ...]
    propensities: tuple[float, ...]
    propensity: float
    default: str
    policy: PolicyInfo
    experiment: ExperimentInfo | None = None
    assignment: AssignmentFacts | None = None
    beliefs: dict[str, Any] | None = None
    shadows: tuple[ShadowPropensities, ...] = ()
    candidate_propensity: float | None = Field(None, validation_alias=AliasChoices("candidate_propensity", "candidate"))
    joint_propensity: float | None = Field(None, validation_alias=AliasChoices("joint_propensity", "joint"))
