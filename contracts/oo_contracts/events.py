"""The facts that travel through JetStream. The producer of a fact makes its `event_id`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from oo_contracts.generate import FallbackReason, Usage
from oo_contracts.rewards import Reaction
from oo_contracts.score import Degraded, ExperimentInfo, Fallback, ModelInfo, PolicyInfo
from oo_contracts.task import TaskFacts
from oo_contracts.wire import Name

__all__ = [
    "DecidedCandidate",
    "Event",
    "Feedback",
    "GenerateDecision",
    "MomentFacts",
    "Prediction",
    "ScoreDecision",
    "ShadowChances",
    "Signal",
]


class _Fact(BaseModel):
    """Unknown fields are ignored: a producer may be newer than we are.

    Only a shipped profile can hold a NaN; it is written as text, for a null would replay as a value that was missing.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False, ser_json_inf_nan="strings")


class Event(_Fact):
    event_id: Name


class Signal(Event):
    """`signals.<type>`, from the recommender: a task completed, the app opened, …"""

    user_id: Name
    type: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,64}$")]
    occurred_at: AwareDatetime
    data: dict[str, Any] = {}


class Feedback(Event):
    """`feedback.<reaction>`, from the recommender: what a user did with what was decided."""

    request_id: Name
    candidate_id: Name
    user_id: Name
    reaction: Reaction
    occurred_at: AwareDatetime


class MomentFacts(_Fact):
    """All that features read at the moment of a decision; no task text. Replay starts here."""

    now: AwareDatetime
    timezone: str
    tasks: tuple[TaskFacts, ...]
    profile: dict[str, Any] | None
    profile_computed_at: AwareDatetime | dict[str, AwareDatetime] | None = None


class DecidedCandidate(_Fact):
    """One candidate as judged: `row` is the served feature row, `value` the model's, `propensity` the policy's."""

    id: str
    kind: str
    task_id: str | None = None
    prompt_version: str | None = None
    eligible: bool = True
    row: tuple[float, ...]
    value: float
    propensity: float


class ShadowChances(_Fact):
    """What another policy would have done: its chance for each candidate, in the candidates' order."""

    policy: PolicyInfo
    propensities: tuple[float, ...]


class ScoreDecision(Event):
    """`decisions.score`: a whole round, enough to train on, to evaluate policies on, and to replay."""

    request_id: Name
    user_id: Name
    decided_at: AwareDatetime
    moment: MomentFacts
    feature_set: str
    candidates: tuple[DecidedCandidate, ...]
    chosen: str | None
    propensity: float | None
    baseline: str | None
    model: ModelInfo
    policy: PolicyInfo
    experiment: ExperimentInfo | None = None
    shadows: tuple[ShadowChances, ...] = ()
    fallbacks: tuple[Fallback, ...] = ()
    degraded: Degraded | None = None
    seals: dict[str, int] | None = None  # a checksum of each input, by name (oo_contracts.seals)


class GenerateDecision(Event):
    """`decisions.generate`: which prompt version wrote a tip; the tip's text stays out."""

    request_id: Name
    user_id: Name
    decided_at: AwareDatetime
    candidate_id: str | None
    prompt_version: str
    prompt_digest: str
    model: str
    fallback: FallbackReason | None
    usage: Usage
    latency_ms: float


class Prediction(Event):
    """`predictions.<model>`, from the predictor: the evidence on which shadow and live are compared."""

    request_id: str
    role: Literal["live", "shadow"]
    model: ModelInfo
    feature_set: str
    values: tuple[float, ...]
    latency_ms: float
    occurred_at: datetime
