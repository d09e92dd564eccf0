"""One replay of a source: decisions and tips recomputed, the columns beside them, and the rows that are gone."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from oo_consumers.store_records import StoredDecision
from oo_contracts.events import GenerateDecision, ScoreDecision
from oo_decisions.replay_difference import ReplayDifference, is_same
from pydantic import ValidationError

from oo_pipelines.progress_bar import Progress
from oo_pipelines.replay.cross_check import CrossCheck
from oo_pipelines.replay.decision_sources import Decision, DecisionSource, LogSource
from oo_pipelines.replay.replay import MAX_SHOWN_DIFFERENCES, Replay

__all__ = ["ReplaySession"]

PROGRESS_INTERVAL = 200  # decisions between two reports of progress


class UnreadableRow(ValueError):
    """A row whose event cannot be read, or is of another request."""


@dataclass(frozen=True, slots=True)
class ReplaySession:
    """What is read, from when on and how much of it, into which replay; with a `cross_check` a log is compared, too."""

    source: DecisionSource
    replay: Replay
    since: datetime | None
    limit: int | None
    cross_check: CrossCheck | None

    def decisions(self, progress: Progress, loading: Callable[[], float]) -> None:
        """Recompute decisions.

        `loading` returns the seconds spent on loading models so far, which do not count for the speed.
        """
        count = self.source.count(self.since)
        total = count if self.limit is None else min(self.limit, count)
        start = time.perf_counter()
        for done, item in enumerate(islice(self.source.decisions(self.since), total), start=1):
            self._replay(item, ScoreDecision, self.replay.add)
            if done % PROGRESS_INTERVAL == 0 or done == total:
                seconds = time.perf_counter() - start - loading()
                progress(f"{done / seconds:,.0f} rounds/s", done, total)

    def tips(self) -> None:
        """Recompute the choices of prompt versions of tips."""
        for item in islice(self.source.tips(self.since), self.limit):
            self._replay(item, GenerateDecision, self.replay.add_tip)

    def missing_rows(self) -> None:
        """Report events that were consumed and have no row.

        Only a replay of everything can tell: nothing says when an event that is gone was made.
        """
        if self.since is not None or self.limit is not None:
            return
        missing, event_ids = self.source.unaccounted()
        if missing:
            ids = ", ".join(event_ids[:MAX_SHOWN_DIFFERENCES]) or "which, the log can tell"
            self._differ(ReplayDifference("-", None, "rows", f"{missing} more were written", f"are gone: {ids}"))

    def compare(self, log: LogSource) -> None:
        """Compare the log, event by event, with what was read of the store.

        Raises:
            LakeUnavailable: the storage failed.
        """
        if self.cross_check is None:
            return
        for item in log.decisions(self.since):
            self._compare(item, ScoreDecision, log, self.cross_check)
        for item in log.tips(self.since):
            self._compare(item, GenerateDecision, log, self.cross_check)
        for difference in self.cross_check.rest():
            self._differ(difference)
        self.replay.report.compared = self.cross_check.compared
        self.replay.report.unsettled = self.cross_check.unsettled

    def _replay(
        self, item: StoredDecision, kind: type[Decision], add: Callable[[Any, list[ReplayDifference]], bool]
    ) -> None:
        try:
            event = _read(item, kind)
        except UnreadableRow as error:
            self.replay.unreadable(item.request_id, str(error))
            if self.cross_check is not None:
                self.cross_check.add_unreadable(kind, item.columns)
            return
        differs = add(event, list(_columns(self.source, item, event)))
        if self.cross_check is not None:
            self.cross_check.add(event, differs=differs)

    def _compare(self, item: StoredDecision, kind: type[Decision], log: LogSource, cross_check: CrossCheck) -> None:
        try:
            event = _read(item, kind)
        except UnreadableRow as error:
            cross_check.drop(kind, item.columns)
            self._differ(ReplayDifference(item.request_id, None, "event in the log", "unreadable", str(error)))
            return
        self.replay.report.differ([*_columns(log, item, event), *cross_check.differences(event)])

    def _differ(self, difference: ReplayDifference) -> None:
        self.replay.report.differ([difference])


def _read(item: StoredDecision, kind: type[Decision]) -> Decision:
    """Return the event of a row.

    Raises:
        UnreadableRow: it is no event, or one of another request.
    """
    try:
        event = kind.read_stored(item.event)
    except ValidationError as error:
        first = error.errors()[0]
        raise UnreadableRow(f"{'.'.join(map(str, first['loc'])) or 'event'}: {first['msg']}") from None
    if event.request_id != item.request_id:
        raise UnreadableRow(f"the event of {event.request_id}")
    return event


def _columns(source: DecisionSource, item: StoredDecision, event: Decision) -> Iterator[ReplayDifference]:
    """Yield a difference for each column beside the event that is not what the event says; queries go by the
    columns."""
    for name, derived in source.columns(event).items():
        stored = _in_utc(item.columns[name])
        if not is_same(stored, derived):
            yield ReplayDifference(event.request_id, None, f"column {name} of the {source.name}", stored, derived)


def _in_utc(value: Any) -> Any:
    """Return an instant in UTC: SQLite stores instants without their zone, and they are UTC."""
    if not isinstance(value, datetime):
        return value
    return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
