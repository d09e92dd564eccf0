"""The answers to calls, and the events that tell of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from time import perf_counter
from typing import Protocol

from oo_contracts import subjects
from oo_contracts.events import Event, Prediction
from oo_contracts.ids import uuid7
from oo_contracts.score import ModelInfo

from oo_predictors.call import Ask, Conflict, Shape
from oo_predictors.ranker import Ranker
from oo_predictors.settings import Role

__all__ = ["Answered", "Outbox", "Predictor"]


class Outbox(Protocol):
    """Where events go; never waits, never raises."""

    def put(self, subject: str, event: Event) -> None: ...


@dataclass(frozen=True, slots=True)
class Answered:
    """One value per row, and how to tell of it once the reply is sent."""

    request_id: str
    values: list[float]
    publish: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Predictor:
    """One served version under its name. `role` is the deployment's, never the caller's."""

    name: str
    ranker: Ranker
    role: Role
    most_rows: int
    outbox: Outbox
    now: Callable[[], datetime]

    @property
    def shape(self) -> Shape:
        return Shape(self.ranker.width, self.most_rows)

    def answer(self, ask: Ask, request_id: str | None) -> Answered:
        """The probability of a reward for each row.

        Raises:
            Conflict: the caller's rows come from another feature set.
        """
        if ask.feature_set is not None and ask.feature_set != self.ranker.feature_set:
            raise Conflict(f"this model was trained on {self.ranker.feature_set}")
        start = perf_counter()
        values = self.ranker.runtime.values(ask.rows).tolist()
        seconds = perf_counter() - start
        known = ask.id or request_id or uuid7()
        return Answered(known, values, lambda: self._publish(known, values, seconds))

    def _publish(self, request_id: str, values: list[float], seconds: float) -> None:
        event = Prediction(
            event_id=uuid7(),
            request_id=request_id,
            role=self.role,
            model=ModelInfo(name=self.name, version=self.ranker.version),
            feature_set=self.ranker.feature_set,
            values=tuple(values),
            latency_ms=seconds * 1000,
            occurred_at=self.now(),
        )
        self.outbox.put(subjects.prediction(self.name), event)
