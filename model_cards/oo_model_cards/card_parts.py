"""The parts of a model card that a machine writes: inputs, measurements, the training's data and an alias's moves."""

from __future__ import annotations

from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

__all__ = ["AliasMove", "Bin", "Calibration", "CardPart", "Estimate", "Input", "Metric", "Slice", "TrainingData"]

Count = Annotated[int, Field(ge=0)]


class CardPart(BaseModel):
    """A part of a card: finite numbers, no unknown fields, and never changed, so that a moved alias makes a new
    card."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Estimate(CardPart):
    """A number with the interval that it may lie in."""

    value: float
    low: float
    high: float

    def sound(self) -> bool:
        """Return whether the interval contains the value."""
        return self.low <= self.value <= self.high


class Input(CardPart):
    """A feature as it was declared by the code that trained the model; None stands for what was not written down."""

    name: str
    dtype: str = "float32"
    fallback: float | None = None
    bounds: str | None = None
    ttl: str | None = None
    source: str | None = None
    code: str | None = None


class Metric(CardPart):
    """One offline metric over the held-out rounds; `n` is their number."""

    name: str
    estimate: Estimate
    n: Count


class Slice(CardPart):
    """A metric for a part of the users; without an estimate there was not enough data, which is not a pass."""

    by: str
    group: str
    metric: str
    n: Count
    estimate: Estimate | None = None


class Bin(CardPart):
    """Rounds with like predictions: the mean prediction, and the share that was rewarded."""

    predicted: float
    observed: float
    n: Count


class Calibration(CardPart):
    """The reliability table and the expected calibration error."""

    ece: Estimate
    bins: tuple[Bin, ...]


class TrainingData(CardPart):
    """The window and counts of the rounds; `test_*` are later in time than what was fitted on."""

    start: AwareDatetime
    end: AwareDatetime
    rounds: Count
    users: Count
    rewarded: Count
    test_rounds: Count
    reward_version: str


class AliasMove(CardPart):
    """One line of the rollout history: who moved which alias when, from which version to which, and why."""

    at: AwareDatetime
    by: str
    alias: str
    from_version: str | None
    to_version: str
    reason: str
    evidence: dict[str, float | int | str] | None = None
