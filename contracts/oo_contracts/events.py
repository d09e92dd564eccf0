"""This module defines the events that travel through JetStream. The producer of an event makes its `event_id`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    AliasChoices,
    Field,
)
from pydantic_core import from_json, to_json

from oo_contracts.columnar_reader import read_columns
from oo_contracts.consistency import generate_contradictions, score_contradictions
from oo_contracts.decision_columns import columns_of, encode_columns
from oo_contracts.decision_parts import (
    COLUMNAR_VERSION,
    SCHEMA_VERSION,
    AnyVersion,
    AssignmentFacts,
    ContextFacts,
    DecidedCandidate,
    PromptAssignment,
    SchemaVersion,
    ShadowPropensities,
)
from oo_contracts.event import STORED_CONTEXT, Event, EventName
from oo_contracts.generate import FallbackReason, Usage
from oo_contracts.instant import Instant
from oo_contracts.reward_table import Reaction
from oo_contracts.score import NO_MODEL, Degraded, ExperimentInfo, Fallback, ModelInfo, PolicyInfo
from oo_contracts.subjects import subject_token

__all__ = [
    "COLUMNAR_VERSION",
    "SCHEMA_VERSION",
    "STORED_CONTEXT",
    "AssignmentFacts",
    "ContextFacts",
    "DecidedCandidate",
    "Event",
    "Feedback",
    "GenerateDecision",
    "Prediction",
    "PredictionOutcome",
    "PromptAssignment",
    "ScoreDecision",
    "ShadowPropensities",
    "Signal",
]


PredictionOutcome = Literal["answered", "refused", "failed", "not_finite", "too_late"]


SignalType = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9_][A-Za-z0-9_:./\-]{0,63}$",
        description="a kind of ours, or the name of an event of Todoist's webhooks; kept in small letters, with _ "
        "for : . / and -, as in the subject: `item:completed` is `item_completed`",
        examples=["app_opened", "task_completed", "item:completed"],
    ),
    AfterValidator(subject_token),
]


Milliseconds = Annotated[float, Field(ge=0, le=86_400_000)]  # up to a day: means of unbounded values overflow


class Signal(Event):
    """An event on `signals.<type>`, from the recommender: a task was completed, the app was opened, and more."""

    user_id: EventName
    type: SignalType
    occurred_at: Instant
    data: dict[str, Any] = Field({})

    def data_json(self) -> str:
        """Return the data as stores keep it: keys sorted, and numbers that JSON does not have as text, like `"NaN"`."""
        plain = from_json(to_json(self.data, inf_nan_mode="strings"))
        return json.dumps(plain, separators=(",", ":"), sort_keys=True, allow_nan=False)


class Feedback(Event):
    """An event on `feedback.<reaction>`, from the recommender: how a user reacted to what was decided."""

    request_id: EventName
    candidate_id: EventName
    user_id: EventName
    reaction: Reaction
    occurred_at: Instant


class ScoreDecision(Event):
    """An event on `decisions.score`: a whole round, enough to train on, to evaluate policies on, and to replay.

    Its readers see the same object whether it was written in rows (1.x) or in columns (2.x, ColumnarDecision).
    """

    schema_version: AnyVersion = SCHEMA_VERSION
    request_id: EventName
    user_id: EventName
    decided_at: Instant
    moment: ContextFacts
    feature_set: str
    candidates: tuple[DecidedCandidate, ...]
    chosen_id: EventName | None = Field(validation_alias=AliasChoices("chosen_id", "chosen"))
    propensity: float | None
    baseline_id: str | None = Field(validation_alias=AliasChoices("baseline_id", "baseline"))
    model: ModelInfo
    policy: PolicyInfo
    experiment: ExperimentInfo | None = None
    shadows: tuple[ShadowPropensities, ...] = ()
    fallbacks: tuple[Fallback, ...] = ()
    degraded: Degraded | None = None
    assignment: AssignmentFacts | None = None
    beliefs: dict[str, Any] | None = None  # the beliefs that the policies of this round used (`Beliefs`)
    seals: dict[str, int] | None = None  # a checksum of each input, by name (oo_contracts.checksums)

    @cached_property
    def encoded(self) -> bytes:
        """The decision in JSON as it is published and stored: as it was read, if it was read as columns.

        Raises:
            ValueError: its rows have different lengths, or a text in it is no Unicode.
        """
        if self.schema_version != COLUMNAR_VERSION:
            return super().encode()
        return encode_columns(columns_of(self), self.seals)

    def encode(self) -> bytes:
        """Return `encoded`."""
        return self.encoded

    @classmethod
    def _parse(cls, data: str | bytes, context: str | None) -> Self:
        fields = read_columns(data, context)
        if fields is None:
            return super()._parse(data, context)
        decision = cls.model_validate(fields, context=context)
        decision.__dict__["encoded"] = data.encode() if isinstance(data, str) else data
        return decision

    def in_columns(self) -> Self:
        """Return the decision as one that is written in columns; it must not have checksums yet."""
        return self.model_copy(update={"schema_version": COLUMNAR_VERSION})

    def with_encoded_columns(self, columns: dict[str, Any], seals: dict[str, int]) -> Self:
        """Return a copy with checksums, whose columns are known already and need not be made again."""
        sealed = self.model_copy(update={"seals": seals})
        sealed.__dict__["encoded"] = encode_columns(columns, seals)
        return sealed

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Return a copy, which is encoded anew."""
        copied = super().model_copy(update=update, deep=deep)
        copied.__dict__.pop("encoded", None)
        return copied

    def contradiction(self) -> str | None:
        """Return the first contradiction among candidates, choice, propensities and shadows, or None."""
        return next(score_contradictions(self), None)

    @property
    def has_prediction(self) -> bool:
        """Whether a model gave the values; they are all 0 otherwise and mean nothing."""
        return self.model != NO_MODEL


class GenerateDecision(Event):
    """An event on `decisions.generate`: which prompt version wrote a tip; the tip's text is not in it."""

    schema_version: SchemaVersion = SCHEMA_VERSION
    request_id: EventName
    user_id: EventName
    decided_at: Instant
    candidate_id: str | None
    prompt_version: EventName
    prompt_digest: str
    model: str
    fallback: FallbackReason | None
    usage: Usage
    latency_ms: Milliseconds
    draw: PromptAssignment | None = None
    seals: dict[str, int] | None = None  # only where the version was drawn; as in ScoreDecision

    def contradiction(self) -> str | None:
        """Return the first contradiction between the prompt version and its draw, or None."""
        return next(generate_contradictions(self), None)


class Prediction(Event):
    """An event on `predictions.<model>`, from the predictor, by which a shadow is compared with the live model.

    `outcome` is how the call ended. Of live calls only those that were answered are published, of mirrored copies all.
    A call that is `too_late` has values when they were computed nevertheless; other failures have none, and a `reason`.
    """

    request_id: EventName
    role: Literal["live", "shadow"]
    model: ModelInfo
    feature_set: str
    values: tuple[float, ...]
    latency_ms: Milliseconds
    occurred_at: Instant
    outcome: PredictionOutcome = "answered"
    reason: str | None = None
