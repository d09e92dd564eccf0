"""This module computes the answers to calls, and publishes an event for each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from time import perf_counter

import numpy as np
from oo_contracts import subjects
from oo_contracts.events import Prediction, PredictionOutcome
from oo_contracts.ids import uuid7
from oo_contracts.score import ModelInfo
from oo_serving.outbox import EventSink

from oo_predictors.inference_request import Caller, Conflict, InferenceRequest, ModelShape, Role, TooLate
from oo_predictors.served_model import Rows, ServedModel, Values

__all__ = ["PredictionResult", "Predictor"]

LIVE_CALLER = Caller()
MAX_REASON_LENGTH = 200  # characters
BLOCK_ROWS = 256  # computed at a time: less than a millisecond in which no other call has the loop


@dataclass(frozen=True, slots=True)
class CallOutcome:
    """The end of a call, and the reason if it is a failure; `milliseconds` is the time that the model took."""

    outcome: PredictionOutcome
    reason: str | None
    values: Values | None = None
    milliseconds: float = 0.0


@dataclass(frozen=True, slots=True)
class PredictionResult:
    """One value for each row, shape (n,), and a function that publishes the event once the reply is sent."""

    request_id: str
    role: Role
    values: Values
    publish: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Predictor:
    """One served version under its name.

    What comes in by `shadow_port` is a mirrored copy: the deployment decides who reaches that port, and nothing in a
    call can say otherwise. So a version goes from shadow to canary without a restart. Nobody waits for the answer to a
    copy, so every copy is published as an event, however it ends.
    """

    name: str
    model: ServedModel
    max_rows: int
    outbox: EventSink
    now: Callable[[], datetime]
    shadow_port: int | None = None

    @property
    def shape(self) -> ModelShape:
        """The rows that a call may have."""
        return ModelShape(self.model.width, self.max_rows)

    def role(self, port: int) -> Role:
        """Return the role of a call that came in by this port."""
        return "shadow" if port == self.shadow_port else "live"

    async def predict(self, request: InferenceRequest, caller: Caller = LIVE_CALLER) -> PredictionResult:
        """Return the probability of a reward for each row; a value is not finite where the model gives no number.

        Raises:
            Conflict: the caller's rows come from another feature set.
            TooLate: the caller's deadline is over, so a queue of copies for a slow model becomes shorter by this.
        """
        self._require_origin(request)
        if self._is_late(caller):  # before the model computes, so that a late copy does not delay live calls
            raise TooLate("it came after its deadline")
        start = perf_counter()
        values = await self._values(request.rows)
        ending = self._outcome(values, (perf_counter() - start) * 1000, caller)
        request_id = request.id or caller.request_id or uuid7()
        return PredictionResult(
            request_id, caller.role, values, partial(self._publish, request_id, caller.role, ending)
        )

    async def _values(self, rows: Rows) -> Values:
        """Compute the values in blocks of rows, between which other calls have the loop.

        A row's value does not depend on its block: replay, which computes all
        rows of a round at once, gets the same bits.
        """
        blocks = [self.model.runtime.values(rows[:BLOCK_ROWS])]
        for start in range(BLOCK_ROWS, len(rows), BLOCK_ROWS):
            await asyncio.sleep(0)
            blocks.append(self.model.runtime.values(rows[start : start + BLOCK_ROWS]))
        return blocks[0] if len(blocks) == 1 else np.concatenate(blocks)

    def report(self, caller: Caller, outcome: PredictionOutcome, reason: str, request_id: str | None = None) -> None:
        """Publish an event for a copy that got no values; a call that somebody waits for has its answer."""
        if caller.role == "shadow":
            ending = CallOutcome(outcome, reason[:MAX_REASON_LENGTH])
            self._publish(request_id or caller.request_id or uuid7(), caller.role, ending)

    def _require_origin(self, request: InferenceRequest) -> None:
        model = self.model
        if request.feature_set not in {None, model.feature_set}:
            raise Conflict("/parameters/feature_set", f"this model was trained on {model.feature_set}")
        if request.columns not in {None, model.columns}:
            raise Conflict(
                "/parameters/columns", f"this model's columns are others, or in another order: {model.columns}"
            )

    def _is_late(self, caller: Caller) -> bool:
        return self.now().timestamp() > caller.deadline

    def _outcome(self, values: Values, milliseconds: float, caller: Caller) -> CallOutcome:
        """Return how a computed call ended. An event cannot carry values that are not finite."""
        if odd := len(values) - int(np.isfinite(values).sum()):
            detail = f"{odd} of {len(values)} values are no finite numbers"
            return CallOutcome("not_finite", detail, None, milliseconds)
        if self._is_late(caller):
            return CallOutcome("too_late", "it was answered after its deadline", values, milliseconds)
        return CallOutcome("answered", None, values, milliseconds)

    def _publish(self, request_id: str, role: Role, outcome: CallOutcome) -> None:
        event = Prediction(
            event_id=uuid7(),
            request_id=request_id,
            role=role,
            model=ModelInfo(name=self.name, version=self.model.version),
            feature_set=self.model.feature_set,
            values=() if outcome.values is None else tuple(outcome.values.tolist()),
            latency_ms=outcome.milliseconds,
            occurred_at=self.now(),
            outcome=outcome.outcome,
            reason=outcome.reason,
        )
        self.outbox.put(subjects.prediction_subject(self.name), event)
