"""The facts that travel through JetStream. The producer of a fact makes its `event_id`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from oo_contracts.generate import FallbackReason, Usage
from oo_contracts.rewards import Reaction
from oo_contracts.score import NO_MODEL, Degraded, ExperimentInfo, Fallback, ModelInfo, PolicyInfo
from oo_contracts.task import TaskFacts
from oo_contracts.wire import Name

__all__ = [
    "AssignmentFacts",
    "DecidedCandidate",
    "Event",
    "Feedback",
    "GenerateDecision",
    "MomentFacts",
    "Prediction",
    "PromptDraw",
    "ScoreDecision",
    "ShadowChances",
    "Signal",
]


Mode = Literal["active", "shadow", "apprentice", "holdout"]


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


class AssignmentFacts(_Fact):
    """The experiment as it stood when the round was assigned: an estimate has to know the weights in force.

    In mode `shadow` the default policy acted, in `apprentice` and `holdout` the baseline; the variant's own policy is
    then among the round's shadows.
    """

    mode: Mode
    unit: Literal["user", "request"]
    coverage: float
    weights: dict[str, float]


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
    assignment: AssignmentFacts | None = None
    beliefs: dict[str, Any] | None = None  # what the policies of this round believed (oo_experiments.beliefs)
    seals: dict[str, int] | None = None  # a checksum of each input, by name (oo_contracts.seals)

    @property
    def judged(self) -> bool:
        """Whether a model gave the values; they are 0 otherwise, and say nothing."""
        return self.model != NO_MODEL


class PromptDraw(_Fact):
    """How a prompt version was drawn for a call that left it to us, with all that replay needs.

    `joint` is p(candidate) · p(version | candidate), when the call says with which chance its candidate was chosen.
    """

    versions: tuple[str, ...]
    propensities: tuple[float, ...]
    propensity: float
    default: str
    policy: PolicyInfo
    experiment: ExperimentInfo | None = None
    assignment: AssignmentFacts | None = None
    beliefs: dict[str, Any] | None = None
    shadows: tuple[ShadowChances, ...] = ()
    candidate: float | None = None
    joint: float | None = None


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
    draw: PromptDraw | None = None
    seals: dict[str, int] | None = None  # of a version that was drawn; as in ScoreDecision


class Prediction(Event):
    """`predictions.<model>`, from the predictor: the evidence on which shadow and live are compared."""

    request_id: str
    role: Literal["live", "shadow"]
    model: ModelInfo
    feature_set: str
    values: tuple[float, ...]
    latency_ms: float
    occurred_at: datetime
