"""A model's card: what was measured and what a person must write, in one value that knows what it lacks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Self

from oo_model_cards.card_parts import AliasMove, Calibration, CardPart, Input, Metric, Slice, TrainingData
from oo_model_cards.human_section import HumanSection

__all__ = ["ModelCard"]

_DTYPES = frozenset({"float32", "int", "float", "bool", "category"})
_DIGEST = re.compile(r"[0-9a-f]{64}")
_REF = re.compile(r"[^@\s]+@[0-9a-f]{8,64}")

Problems = Iterator[str]


class ModelCard(CardPart):
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
