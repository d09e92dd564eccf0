"""This module defines version 2 of a decision's event as it is written: columns instead of one object for each task
and candidate.

A column that is absent says the default of all; one value stands for all where all are equal.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field

from oo_contracts.decision_parts import AssignmentFacts
from oo_contracts.event import Event, EventName, Fact
from oo_contracts.instant import Instant
from oo_contracts.score import Degraded, ExperimentInfo, ModelInfo, PolicyInfo, Reason

__all__ = [
    "NUMBER_TYPES",
    "ColumnarCandidates",
    "ColumnarContext",
    "ColumnarDecision",
    "ColumnarFallbacks",
    "ColumnarRows",
    "ColumnarShadow",
    "ColumnarTasks",
    "InstantColumn",
    "NumberColumn",
    "PackedNumbers",
    "SparseNumbers",
]

NUMBER_TYPES = {"float32": "f", "float64": "d", "int32": "i", "int64": "q", "uint32": "I"}  # with letters of `struct`
PackedNumbers = Annotated[
    str,
    Field(
        pattern=f"^({'|'.join(NUMBER_TYPES)}):[A-Za-z0-9+/]*={{0,2}}$",
        description="numbers of one type: its name, a colon, and base64 of their little-endian bytes",
    ),
]

Index = Annotated[int, Field(strict=True, ge=0)]
Whole = Annotated[int, Field(strict=True)]
Flag = Annotated[int, Field(strict=True, ge=0, le=1)]
Priority = Annotated[int, Field(strict=True, ge=1, le=4)]
FlagColumn = Flag | tuple[Flag, ...] | None
WholeColumn = Whole | tuple[Whole, ...] | None


class SparseNumbers(Fact):
    """Numbers of which most are `most`, and the others stand by their index."""

    most: float
    others: dict[Annotated[int, Field(ge=0)], float]


NumberColumn = float | PackedNumbers | SparseNumbers  # one number where all are the same


class InstantColumn(Fact):
    """Days and instants: the form of each, and how long after 1970 began they are, in one unit for all."""

    form: str = Field(
        pattern="^[-dfzo]*$",
        description="a letter for each, or one for all: `-` none, `d` a day, `f` a time without a zone, `z` one in "
        "UTC, `o` one with an offset",
    )
    unit: Literal["day", "second", "microsecond"] = "day"
    at: int | PackedNumbers | None = Field(None, description="of d, f and z in their order; one number where all equal")
    text: tuple[str, ...] = Field((), description="those with an offset, in their order, by ISO 8601")


class ColumnarRows(Fact):
    """Rows: the values of the leading features, which all rows share, then each row's own, feature by feature.

    `types` has a letter for each feature that is not shared, and `own` all rows' numbers of that feature, then of the
    next.
    """

    shared: PackedNumbers | None = None
    types: str = Field("", pattern="^[bhfd]*$", description="int8, int16, float32 or float64 of each feature")
    own: str = Field("", description="base64 of little-endian numbers")


class ColumnarContext(Fact):
    """What features read about the context of a decision, but for its tasks; `now` is absent where it is
    `decided_at`."""

    now: Instant | None = None
    timezone: str
    profile: dict[str, Any] | None = None
    profile_computed_at: AwareDatetime | dict[str, AwareDatetime] | None = None


class ColumnarTasks(Fact):
    """The tasks of the call, as far as features may see them."""

    id: tuple[str, ...] = ()
    priority: Priority | tuple[Priority, ...] | None = Field(None, description="1 where absent")
    due: InstantColumn | None = None
    is_recurring: FlagColumn = None
    created_at: InstantColumn | None = None
    completed: FlagColumn = None
    labels: WholeColumn = None
    content_length: WholeColumn = None
    has_parent: FlagColumn = None


class ColumnarCandidates(Fact):
    """The candidates in their order.

    `id` is absent where they are the tasks in their order; a number is the index of the task of that id. `task_id` is
    absent where each of kind `task` has its own id as `task_id`, and no other has one.
    """

    id: tuple[Index | str, ...] | None = None
    kind: str | tuple[str, ...] | None = Field(None, description="task where absent")
    task_id: tuple[Index | str | None, ...] | None = None
    prompt_version: str | tuple[str | None, ...] | None = None
    eligible: FlagColumn = Field(None, description="1 where absent")
    row: ColumnarRows = ColumnarRows()
    value: NumberColumn | None = None
    propensity: NumberColumn | None = None


class ColumnarShadow(Fact):
    """The propensities that another policy would have given the candidates, in their order."""

    policy: PolicyInfo
    propensity: NumberColumn | None = None


class ColumnarFallbacks(Fact):
    """The features whose fallbacks were used, and why."""

    feature: tuple[str, ...] = ()
    reason: Reason | tuple[Reason, ...] | None = None


class ColumnarDecision(Event):
    """An event on `decisions.score` from version 2.0 on: the same decision as ScoreDecision, in columns.

    `chosen_id` and `baseline_id` are the index of a candidate. `seals` has a CRC-32 of each part of the inputs in the
    order of `oo_contracts.decision_columns.sealed_columns`.
    """

    schema_version: Annotated[str, Field(pattern=r"^2\.\d{1,4}$")]
    request_id: EventName
    user_id: EventName
    decided_at: Instant
    feature_set: str
    context: ColumnarContext
    tasks: ColumnarTasks = ColumnarTasks()
    candidates: ColumnarCandidates = ColumnarCandidates()
    chosen_id: Index | EventName | None = None
    propensity: float | None = None
    baseline_id: Index | str | None = None
    model: ModelInfo
    policy: PolicyInfo
    experiment: ExperimentInfo | None = None
    shadows: tuple[ColumnarShadow, ...] = ()
    fallbacks: ColumnarFallbacks = ColumnarFallbacks()
    degraded: Degraded | None = None
    assignment: AssignmentFacts | None = None
    beliefs: dict[str, Any] | None = None
    seals: PackedNumbers | dict[str, int] | None = None
