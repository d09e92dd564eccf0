"""This module reads of a decision of `/score` what stores keep of it: some scalars, and the whole as published."""

from __future__ import annotations

from datetime import datetime
from operator import attrgetter
from typing import NamedTuple, Self

from pydantic import ValidationError

from oo_contracts.columnar_check import Doubtful, chosen_candidate
from oo_contracts.columnar_decision import ColumnarDecision
from oo_contracts.columnar_reader import names_columns
from oo_contracts.events import ScoreDecision
from oo_contracts.score import Degraded, ExperimentInfo, ModelInfo, PolicyInfo

__all__ = ["DecisionSummary"]

_scalars = attrgetter(
    *("event_id", "request_id", "user_id", "decided_at", "feature_set"),
    *("propensity", "model", "policy", "experiment", "degraded"),
)


class DecisionSummary(NamedTuple):
    """A decision of `/score` that was checked as a ScoreDecision is, without the objects that this is made of.

    `encoded` is what ScoreDecision would write: a decision in columns as it came, one in rows by its present names.
    """

    event_id: str
    request_id: str
    user_id: str
    decided_at: datetime
    feature_set: str
    propensity: float | None
    model: ModelInfo
    policy: PolicyInfo
    experiment: ExperimentInfo | None
    degraded: Degraded | None
    chosen_id: str | None
    encoded: bytes

    @classmethod
    def read(cls, data: bytes) -> Self:
        """Return the summary of a decision as it was published, in any version that is known.

        Raises:
            pydantic.ValidationError: it is no ScoreDecision.
        """
        return cls._of_columns(data) or cls._of_decision(ScoreDecision.read(data))

    @classmethod
    def _of_columns(cls, data: bytes) -> Self | None:
        """Return the summary of a decision in columns; None for anything that only ScoreDecision reads, or refuses."""
        if not names_columns(data):
            return None
        try:
            document = ColumnarDecision.model_validate_json(data)
            return cls._make((*_scalars(document), chosen_candidate(document), data))
        except (ValidationError, Doubtful):
            return None

    @classmethod
    def _of_decision(cls, decision: ScoreDecision) -> Self:
        return cls._make((*_scalars(decision), decision.chosen_id, decision.encode()))

    def encode(self) -> bytes:
        """Return `encoded`."""
        return self.encoded
