"""The endings of mirrored copies of calls that a challenger should have got: also of those that never arrived."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import get_args

from oo_contracts.events import Prediction, PredictionOutcome

__all__ = ["ENDINGS", "Copies", "CopyCounter", "count_copies"]

NEVER = "never"
ENDINGS: tuple[str, ...] = (*get_args(PredictionOutcome), NEVER)
SETTLING_TIME = timedelta(minutes=1)  # for so long a copy, and its event, may still be on their way


@dataclass(frozen=True, slots=True)
class Copies:
    """The copies for one model version: `due` calls were to be copied to it, and `endings` counts them by ENDINGS.

    Where the mirror copies a share of the calls only, the others are among those it never got.
    """

    model: str
    due: int
    endings: Mapping[str, int]


@dataclass(slots=True)
class CopyCounter:
    """A counter of copies that takes predictions in any order."""

    _live: dict[str, dict[str, tuple[datetime, str]]] = field(default_factory=dict)  # with the version that answered
    _copied: dict[tuple[str, str], dict[str, tuple[datetime, str]]] = field(default_factory=dict)

    def add(self, event: Prediction) -> None:
        """Add a prediction, live or of a copy; of two of the same call the first counts."""
        if event.role == "live":
            self._live.setdefault(event.model.name, {})[event.request_id] = event.occurred_at, event.model.version
            return
        copied = self._copied.setdefault((event.model.name, event.model.version), {})
        copied.setdefault(event.request_id, (event.occurred_at, event.outcome))

    def counts(self, now: datetime) -> tuple[Copies, ...]:
        """Return the copies of each version that got any, from the first call copied to it until the next version's
        first.

        Calls of the last minute before `now` that have no copy yet are not due, nor are those that the version answered
        itself: since it was promoted none is copied to it.
        """
        copies = []
        for name in sorted({name for name, _ in self._copied}):
            starts = sorted((self._start(key), key) for key in self._copied if key[0] == name)
            ends = [*(start for start, _ in starts[1:]), now - SETTLING_TIME]
            copies += [self._of_version(*start, end) for start, end in zip(starts, ends, strict=True)]
        return tuple(copies)

    def _start(self, key: tuple[str, str]) -> datetime:
        live = self._live.get(key[0], {})
        return min(
            live.get(request_id, (occurred_at, ""))[0] for request_id, (occurred_at, _) in self._copied[key].items()
        )

    def _of_version(self, start: datetime, key: tuple[str, str], end: datetime) -> Copies:
        copied = self._copied[key]
        name, version = key
        others = (
            (request_id, occurred_at)
            for request_id, (occurred_at, answered_by) in self._live.get(name, {}).items()
            if answered_by != version
        )
        missing = sum(start <= occurred_at < end and request_id not in copied for request_id, occurred_at in others)
        counts = Counter(outcome for _, outcome in copied.values()) + Counter({NEVER: missing})
        return Copies(" ".join(key), counts.total(), {ending: counts[ending] for ending in ENDINGS})


def count_copies(predicted: Iterable[Prediction], now: datetime) -> tuple[Copies, ...]:
    """Return the copies of each model version that got any, as of `now`."""
    counter = CopyCounter()
    for event in predicted:
        counter.add(event)
    return counter.counts(now)
