"""The tables: one for each kind of event, with the columns that people ask by, and the event as it was.

| column | of | |
|---|---|---|
| stream, sequence | all | where JetStream had it; the stream's name with the instant at which it was made |
| event_id | all | the producer's id |
| decided_at or occurred_at, day | all | when it happened (UTC), and that day: the partition |
| created_timestamp | all | when the stream got it: what was not known before cannot have been used before |
| event | all | the whole event, as JSON |
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from arro3.core import Array, DataType, Field, Schema, Table
from oo_contracts.events import Event, Feedback, GenerateDecision, Prediction, ScoreDecision, Signal
from oo_contracts.subjects import DECISIONS, FEEDBACK, PREDICTIONS, SIGNALS, Stream, decision

__all__ = ["TABLES", "LakeTable", "Placed"]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
TEXT, NUMBER, INSTANT = DataType.string(), DataType.float64(), DataType.timestamp("us", tz="UTC")
Column = tuple[DataType, Callable[[Any], Any]]


@dataclass(frozen=True, slots=True)
class Placed:
    """An event, where the stream had it and since when; `event` is what was published, byte for byte."""

    sequence: int
    created: datetime
    fact: Event
    event: str


@dataclass(frozen=True, slots=True)
class LakeTable:
    """One table: which subjects of which stream, what they carry, which field says when, and the columns of its own."""

    name: str
    stream: Stream
    subjects: str
    kind: type[Event]
    instant: str
    columns: Mapping[str, Column] = field(default_factory=dict)

    @property
    def schema(self) -> Schema:
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

    def rows(self, stream: str, batch: Sequence[Placed]) -> Table:
        """Events as Arrow, in their order."""
        at = [getattr(item.fact, self.instant).astimezone(UTC) for item in batch]
        own = [Array([of(item.fact) for item in batch], kind) for kind, of in self.columns.values()]
        columns = [
            Array([stream] * len(batch), TEXT),
            Array([item.sequence for item in batch], DataType.int64()),
            Array([item.fact.event_id for item in batch], TEXT),
            _instants(at),
            _instants([item.created for item in batch]),
            Array([_days(instant.date()) for instant in at], DataType.int32()).cast(DataType.date32()),
            *own,
            Array([item.event for item in batch], TEXT),
        ]
        return Table.from_arrays(columns, schema=self.schema)


def _instants(of: Sequence[datetime]) -> Array:
    """By whole microseconds: a float of seconds is not exact."""
    return Array([(instant - EPOCH) // MICROSECOND for instant in of], DataType.int64()).cast(INSTANT)


def _days(day: date) -> int:
    return (day - EPOCH.date()).days


TABLES = (
    LakeTable(
        "decisions", DECISIONS, decision("score"), ScoreDecision, "decided_at",
        {
            "request_id": (TEXT, lambda of: of.request_id),
            "user_id": (TEXT, lambda of: of.user_id),
            "chosen": (TEXT, lambda of: of.chosen),
            "propensity": (NUMBER, lambda of: of.propensity),
            "model_name": (TEXT, lambda of: of.model.name),
            "model_version": (TEXT, lambda of: of.model.version),
            "policy_name": (TEXT, lambda of: of.policy.name),
            "policy_version": (TEXT, lambda of: of.policy.version),
            "experiment": (TEXT, lambda of: of.experiment and of.experiment.key),
            "variant": (TEXT, lambda of: of.experiment and of.experiment.variant),
            "feature_set": (TEXT, lambda of: of.feature_set),
            "degraded": (TEXT, lambda of: of.degraded),
        },
    ),
    LakeTable(
        "generations", DECISIONS, decision("generate"), GenerateDecision, "decided_at",
        {
            "request_id": (TEXT, lambda of: of.request_id),
            "user_id": (TEXT, lambda of: of.user_id),
            "prompt_version": (TEXT, lambda of: of.prompt_version),
            "model": (TEXT, lambda of: of.model),
            "fallback": (TEXT, lambda of: of.fallback),
            "latency_ms": (NUMBER, lambda of: of.latency_ms),
        },
    ),
    LakeTable(
        "reactions", FEEDBACK, FEEDBACK.subjects, Feedback, "occurred_at",
        {
            "request_id": (TEXT, lambda of: of.request_id),
            "candidate_id": (TEXT, lambda of: of.candidate_id),
            "user_id": (TEXT, lambda of: of.user_id),
            "reaction": (TEXT, lambda of: of.reaction),
        },
    ),
    LakeTable(
        "signals", SIGNALS, SIGNALS.subjects, Signal, "occurred_at",
        {
            "user_id": (TEXT, lambda of: of.user_id),
            "type": (TEXT, lambda of: of.type),
            "data": (TEXT, lambda of: json.dumps(of.data, separators=(",", ":"), sort_keys=True)),
        },
    ),
    LakeTable(
        "predictions", PREDICTIONS, PREDICTIONS.subjects, Prediction, "occurred_at",
        {
            "request_id": (TEXT, lambda of: of.request_id),
            "role": (TEXT, lambda of: of.role),
            "model_name": (TEXT, lambda of: of.model.name),
            "model_version": (TEXT, lambda of: of.model.version),
            "latency_ms": (NUMBER, lambda of: of.latency_ms),
        },
    ),
)  # fmt: skip
