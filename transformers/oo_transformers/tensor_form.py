"""This module remembers whether the predictors read rows as raw bytes, or as JSON alone.

Behind one address there may be several predictors: of two versions during a canary, of two releases during an upgrade.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["TensorForm"]

log = logging.getLogger(__name__)

JSON_PERIOD_S = 60.0  # since a predictor last gave JSON where bytes were asked for, or refused bytes


@dataclass(slots=True)
class TensorForm:
    """The form in which the next call's rows are sent: JSON first, and bytes once a predictor has answered with bytes.

    One predictor that knows JSON alone keeps all calls at JSON for JSON_PERIOD_S, so that hardly any call is sent twice
    while old and new predictors take turns.

    >>> now = [0.0]
    >>> form = TensorForm(lambda: now[0])
    >>> form.record(gave_bytes=True); form.is_binary
    True
    >>> form.record(gave_bytes=False); form.record(gave_bytes=True); form.is_binary
    False
    >>> now[0] = 60.0
    >>> form.record(gave_bytes=True); form.is_binary
    True
    """

    clock: Callable[[], float] = time.monotonic
    is_binary: bool = False
    _json_until: float = -JSON_PERIOD_S

    def record(self, *, gave_bytes: bool) -> None:
        """Note in which form a predictor answered that was asked for bytes; a refusal of bytes is none."""
        now, before = self.clock(), self.is_binary
        if not gave_bytes:
            self._json_until = now + JSON_PERIOD_S
        self.is_binary = gave_bytes and now >= self._json_until
        if self.is_binary != before:
            log.info("rows are sent to the predictor as %s", "raw bytes" if self.is_binary else "JSON")
