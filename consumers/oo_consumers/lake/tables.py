"""The lake's tables: one for each kind of event, with the columns that people query by, and the event as it was.

| column | tables | meaning |
|---|---|---|
| stream, sequence | all | where JetStream had it; the stream's name with the instant at which it was made |
| event_id | all | the producer's id |
| decided_at or occurred_at, day | all | when it happened (UTC), and that day: the partition |
| created_timestamp | all | when the stream got it: what was not known before cannot have been used before |
| event | all | the whole event, as JSON |
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from arro3.core import Array, DataType, Field, Schema, Table
from oo_contracts.decision_summary import DecisionSummary
from oo_contracts.events import Event, Feedback, GenerateDecision, Prediction, ScoreDecision, Signal
from oo_contracts.subjects import (
    DECISIONS_STREAM,
    FEEDBACK_STREAM,
    PREDICTIONS_STREAM,
    SIGNALS_STREAM,
    Stream,
    decision_subject,
)

from oo_consumers.event_reader import Published

__all__ = ["TABLES", "LakeTable", "StreamEvent"]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
TEXT, NUMBER, INSTANT = DataType.string(), DataType.float64(), DataType.timestamp("us", tz="UTC")
Column = tuple[DataType, Callable[[Any], Any]]


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """An event with its sequence in the stream and the instant of its arrival there.

    `event` is what was published, byte for byte.
    """

    sequence: int
    created: datetime
    fact: Published
    event: str


@dataclass(frozen=True, slots=True)
class LakeTable:
    """One table: its stream and subjects, the type of event, the field that says when, and the columns of its own.

    `columns` maps a column's name to its type and to the function that takes its value from an event;
    `earlier_names` a column's name to the one that it has in what older versions appended.
    """

    name: str
    stream: Stream
    subjects: str
    event_type: type[Event]
    instant: str
    columns: Mapping[str, Column] = field(default_factory=dict)
    earlier_names: Mapping[str, str] = field(default_factory=dict)

    @property
    def schema(self) -> Schema:
        """The Arrow schema: the common columns, the table's own, and the event."""
        common = [
            Field("stream", TEXT, nullable=False),
            Field("sequence", DataType.int64(), nullable=False),
            Field("event_id", TEXT, nullable=False),
            Field(self.instant, INSTANT, nullable=False),
            Field("created_timestamp", INSTANT, nullable=False),
            Field("day", DataType.date32(), nullable=False),
        ]
        own = [Field(name, kind) for name, (kind, _) in self.columns.items()]
        return Schema([*common, *own, Field("event", TEXT, nullable=False)])

    @property
    def reader(self) -> str:
        """The name of the reader of its events, in dead letters and probes."""
        return f"lake-{self.name}"

    @property
    def read_type(self) -> type[Published]:
        """What is read of its events: of a decision the summary, which has all columns."""
        return DecisionSummary if self.event_type is ScoreDecision else self.event_type

    def rows(self, stream: str, batch: Sequence[StreamEvent]) -> Table:
        """Return a batch as an Arrow table, one row an event, in their order.

        Raises:
            Exception: Arrow refuses a value; the kinds of error are Arrow's.
        """
        instants = [getattr(item.fact, self.instant).astimezone(UTC) for item in batch]
        own = [Array([value_of(item.fact) for item in batch], kind) for kind, value_of in self.columns.values()]
        columns = [
            Array([stream] * len(batch), TEXT),
            Array([item.sequence for item in batch], DataType.int64()),
            Array([item.fact.event_id for item in batch], TEXT),
            _instants(instants),
            _instants([item.created for item in batch]),
            Array([_days(instant.date()) for instant in instants], DataType.int32()).cast(DataType.date32()),
            *own,
            Array([item.event for item in batch], TEXT),
        ]
        return Table.from_arrays(columns, schema=self.schema)


def _instants(instants: Sequence[datetime]) -> Array:
    """Return instants as an Arrow array of whole microseconds: a float of seconds is not exact."""
    return Array([(instant - EPOCH) // MICROSECOND for instant in instants], DataType.int64()).cast(INSTANT)


def _days(day: date) -> int:
    return (day - EPOCH.date()).days


TABLES = (
    LakeTable(
        "decisions", DECISIONS_STREAM, decision_subject("score"), ScoreDecision, "decided_at",
        {
            "request_id": (TEXT, lambda event: event.request_id),
            "user_id": (TEXT, lambda event: event.user_id),
            "chosen_id": (TEXT, lambda event: event.chosen_id),
            "propensity": (NUMBER, lambda event: event.propensity),
            "model_name": (TEXT, lambda event: event.model.name),
            "model_version": (TEXT, lambda event: event.model.version),
            "policy_name": (TEXT, lambda event: event.policy.name),
            "policy_version": (TEXT, lambda event: event.policy.version),
            "experiment": (TEXT, lambda event: event.experiment and event.experiment.key),
            "variant": (TEXT, lambda event: event.experiment and event.experiment.variant),
            "feature_set": (TEXT, lambda event: event.feature_set),
            "degraded": (TEXT, lambda event: event.degraded),
        },
        {"chosen_id": "chosen"},
    ),
    LakeTable(
        "generations", DECISIONS_STREAM, decision_subject("generate"), GenerateDecision, "decided_at",
        {
            "request_id": (TEXT, lambda event: event.request_id),
            "user_id": (TEXT, lambda event: event.user_id),
            "prompt_version": (TEXT, lambda event: event.prompt_version),
            "model": (TEXT, lambda event: event.model),
            "fallback": (TEXT, lambda event: event.fallback),
            "latency_ms": (NUMBER, lambda event: event.latency_ms),
        },
    ),
    LakeTable(
        "reactions", FEEDBACK_STREAM, FEEDBACK_STREAM.subjects, Feedback, "occurred_at",
        {
            "request_id": (TEXT, lambda event: event.request_id),
            "candidate_id": (TEXT, lambda event: event.candidate_id),
            "user_id": (TEXT, lambda event: event.user_id),
            "reaction": (TEXT, lambda event: event.reaction),
        },
    ),
    LakeTable(
        "signals", SIGNALS_STREAM, SIGNALS_STREAM.subjects, Signal, "occurred_at",
        {
            "user_id": (TEXT, lambda event: event.user_id),
            "type": (TEXT, lambda event: event.type),
            "data": (TEXT, lambda event: event.data_json()),
        },
    ),
    LakeTable(
        "predictions", PREDICTIONS_STREAM, PREDICTIONS_STREAM.subjects, Prediction, "occurred_at",
        {
            "request_id": (TEXT, lambda event: event.request_id),
            "role": (TEXT, lambda event: event.role),
            "model_name": (TEXT, lambda event: event.model.name),
            "model_version": (TEXT, lambda event: event.model.version),
            "latency_ms": (NUMBER, lambda event: event.latency_ms),
        },
    ),
)  # fmt: skip
