"""A model's card: what was measured and what a person must write, in one value that knows what it lacks."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from datetime import datetime
from importlib import resources
from typing import Annotated, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

__all__ = [
    "AliasMove",
    "Bin",
    "Calibration",
    "Estimate",
    "HumanSection",
    "Input",
    "Metric",
    "ModelCard",
    "Slice",
    "TrainingData",
    "human_section",
]

_DTYPES = frozenset({"float32", "int", "float", "bool", "category"})
_DIGEST = re.compile(r"[0-9a-f]{64}")
_REF = re.compile(r"[^@\s]+@[0-9a-f]{8,64}")
_UNWRITTEN = re.compile(r"\b(todo|tbd|fixme|lorem)\b", re.IGNORECASE)

Count = Annotated[int, Field(ge=0)]
Problems = Iterator[str]


class _Part(BaseModel):
    """A part of a card: finite numbers, no unknown fields, and never changed, so that a moved alias makes a new
    card."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Estimate(_Part):
    """A number with the interval that it may lie in."""

    value: float
    low: float
    high: float

    def sound(self) -> bool:
        """Return whether the interval contains the value."""
        return self.low <= self.value <= self.high


class Input(_Part):
    """A feature as it was declared by the code that trained the model; None stands for what was not written down."""

    name: str
    dtype: str = "float32"
    fallback: float | None = None
    bounds: str | None = None
    ttl: str | None = None
    source: str | None = None
    code: str | None = None


class Metric(_Part):
    """One offline metric over the held-out rounds; `n` is their number."""

    name: str
    estimate: Estimate
    n: Count


class Slice(_Part):
    """A metric for a part of the users; without an estimate there was not enough data, which is not a pass."""

    by: str
    group: str
    metric: str
    n: Count
    estimate: Estimate | None = None


class Bin(_Part):
    """Rounds with like predictions: the mean prediction, and the share that was rewarded."""

    predicted: float
    observed: float
    n: Count


class Calibration(_Part):
    """The reliability table and the expected calibration error."""

    ece: Estimate
    bins: tuple[Bin, ...]


class TrainingData(_Part):
    """The window and counts of the rounds; `test_*` are later in time than what was fitted on."""

    start: AwareDatetime
    end: AwareDatetime
    rounds: Count
    users: Count
    rewarded: Count
    test_rounds: Count
    reward_version: str


class AliasMove(_Part):
    """One line of the rollout history: who moved which alias when, from which version to which, and why."""

    at: AwareDatetime
    by: str
    alias: str
    from_version: str | None
    to_version: str
    reason: str
    evidence: dict[str, float | int | str] | None = None


class HumanSection(_Part):
    """What only a person knows, from `cards/<model>.toml`.

    `expected_metrics` and `expected_slices` name the metrics and slices that the card must have.
    """

    title: str = ""
    purpose: str = ""
    users: str = ""
    out_of_scope: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    fairness: str = ""
    owners: tuple[str, ...] = ()
    expected_metrics: tuple[str, ...] = ()
    expected_slices: tuple[str, ...] = ()

    def problems(self) -> Problems:
        """Yield each field that is empty or still to be written."""
        for name in ("title", "purpose", "users", "out_of_scope", "limits", "fairness", "owners"):
            value = getattr(self, name)
            if not value or any(not text.strip() for text in ([value] if isinstance(value, str) else value)):
                yield f"human.{name}: nothing is said"
            elif _UNWRITTEN.search(str(value)):
                yield f"human.{name}: still to be written"


class ModelCard(_Part):
    """One version's card.

    The registry fills version, digest and published_at; the rollout is folded in when the card is read.
    """

    name: str
    version: str = ""
    digest: str = ""
    feature_set: str = ""
    published_at: datetime | None = None
    human: HumanSection = HumanSection()
    inputs: tuple[Input, ...] = ()
    metrics: tuple[Metric, ...] = ()
    slices: tuple[Slice, ...] = ()
    calibration: Calibration | None = None
    training: TrainingData | None = None
    rollout: tuple[AliasMove, ...] = ()

    def problems(self) -> tuple[str, ...]:
        """Return each missing or invalid field with what is wrong; () is a complete card."""
        return (
            *self._identity(),
            *self.human.problems(),
            *self._inputs(),
            *self._metrics(),
            *self._slices(),
            *self._calibration(),
            *self._training(),
        )

    def published(self, version: str, digest: str, feature_set: str, at: datetime) -> Self:
        """Return the card of a registered version."""
        return self.model_copy(
            update={"version": version, "digest": digest, "feature_set": feature_set, "published_at": at}
        )

    def moved(self, *moves: AliasMove) -> Self:
        """Return the card with moves added to its rollout history."""
        return self.model_copy(update={"rollout": (*self.rollout, *moves)})

    def _identity(self) -> Problems:
        if not self.version:
            yield "version: missing"
        if not _DIGEST.fullmatch(self.digest):
            yield "digest: not a SHA-256"
        if not _REF.fullmatch(self.feature_set):
            yield "feature_set: not a name@fingerprint"
        if self.published_at is None:
            yield "published_at: missing"

    def _inputs(self) -> Problems:
        names = [item.name for item in self.inputs]
        if not names:
            yield "inputs: missing"
        if len(set(names)) < len(names):
            yield "inputs: a name twice"
        yield from (
            f"inputs.{item.name}: unknown dtype {item.dtype}" for item in self.inputs if item.dtype not in _DTYPES
        )

    def _metrics(self) -> Problems:
        if not self.metrics:
            yield "metrics: missing"
        missing = set(self.human.expected_metrics) - {metric.name for metric in self.metrics}
        yield from (f"metrics.{name}: missing" for name in sorted(missing))
        for metric in self.metrics:
            if not metric.estimate.sound():
                yield f"metrics.{metric.name}: the interval does not hold the value"
            if metric.n == 0:
                yield f"metrics.{metric.name}: no rounds"

    def _slices(self) -> Problems:
        if not self.slices:
            yield "slices: missing"
        missing = set(self.human.expected_slices) - {item.by for item in self.slices}
        yield from (f"slices.{name}: missing" for name in sorted(missing))
        for item in self.slices:
            if item.estimate is not None and not item.estimate.sound():
                yield f"slices.{item.by}.{item.group}: the interval does not hold the value"
            if item.estimate is not None and item.n == 0:
                yield f"slices.{item.by}.{item.group}: an estimate from no rounds"

    def _calibration(self) -> Problems:
        if self.calibration is None:
            yield "calibration: missing"
            return
        if not self.calibration.bins:
            yield "calibration.bins: missing"
        if not self.calibration.ece.sound():
            yield "calibration.ece: the interval does not hold the value"

    def _training(self) -> Problems:
        data = self.training
        if data is None:
            yield "training: missing"
            return
        if data.start >= data.end:
            yield "training.start: not before the end"
        yield from (f"training.{name}: none" for name in ("rounds", "users", "test_rounds") if not getattr(data, name))
        if data.rewarded > data.rounds:
            yield "training.rewarded: more than rounds"


def human_section(model: str) -> HumanSection:
    """Return the packaged human part of a model's card.

    Raises:
        FileNotFoundError: nobody has written one for this model.
    """
    file = resources.files("oo_model_cards") / "cards" / f"{model}.toml"
    return HumanSection.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
