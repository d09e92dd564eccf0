"""The answers to calls, and the events that tell of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from time import perf_counter
from typing import Literal, Protocol

from oo_contracts import subjects
from oo_contracts.events import Event, Prediction
from oo_contracts.ids import uuid7
from oo_contracts.score import ModelInfo

from oo_predictors.call import Ask, Conflict, Shape
from oo_predictors.ranker import Ranker

__all__ = ["Answered", "Outbox", "Predictor", "Role"]

Role = Literal["live", "shadow"]


class Outbox(Protocol):
    """Where events go; never waits, never raises."""

    def put(self, subject: str, event: Event) -> None: ...


@dataclass(frozen=True, slots=True)
class Answered:
    """One value per row, and how to tell of it once the reply is sent."""

    request_id: str
    role: Role
    values: list[float]
    publish: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Predictor:
    """One served version under its name.

    What comes in by `shadow_port` is a mirrored copy: the deployment decides who reaches that port, and nothing in a
    call can say otherwise. So a version goes from shadow to canary without a restart.
    """

    name: str
    ranker: Ranker
    most_rows: int
    outbox: Outbox
    now: Callable[[], datetime]
    shadow_port: int | None = None

    @property
    def shape(self) -> Shape:
        return Shape(self.ranker.width, self.most_rows)

    def role(self, port: int) -> Role:
        """What a call is that came in by this port."""
        return "shadow" if port == self.shadow_port else "live"

    def answer(self, ask: Ask, request_id: str | None, role: Role = "live") -> Answered:
        """The probability of a reward for each row.

        Raises:
            Conflict: the caller's rows come from another feature set.
        """
        ranker = self.ranker
        if ask.feature_set not in {None, ranker.feature_set}:
            raise Conflict("/parameters/feature_set", f"this model was trained on {ranker.feature_set}")
        if ask.columns not in {None, ranker.columns}:
            raise Conflict(
                "/parameters/columns", f"this model's columns are others, or in another order: {ranker.columns}"
            )
        start = perf_counter()
        values = self.ranker.runtime.values(ask.rows).tolist()
        seconds = perf_counter() - start
        known = ask.id or request_id or uuid7()
        return Answered(known, role, values, lambda: self._publish(known, role, values, seconds))

    def _publish(self, request_id: str, role: Role, values: list[float], seconds: float) -> None:
        event = Prediction(
            event_id=uuid7(),
            request_id=request_id,
            role=role,
            model=ModelInfo(name=self.name, version=self.ranker.version),
            feature_set=self.ranker.feature_set,
            values=tuple(values),
            latency_ms=seconds * 1000,
            occurred_at=self.now(),
        )
        self.outbox.put(subjects.prediction(self.name), event)
