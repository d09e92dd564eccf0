"""The effect store against the offline log: the same decisions must stand in both, bit for bit.

Only the log still has a row that was deleted from the store, and the other way round. The store is read once and leaves
a digest of each event; the log's events are compared with those.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any, NamedTuple

from oo_contracts.events import GenerateDecision, ScoreDecision
from oo_decisions.replay_difference import ReplayDifference

from oo_pipelines.replay.decision_sources import Decision, LogSource, Period

__all__ = ["CrossCheck"]

DIGEST_BYTES = 8
SETTLING_TIME = timedelta(minutes=1)  # what one of them has read by then, the other may not have read yet
TABLES: dict[type[Decision], str] = {ScoreDecision: "decisions", GenerateDecision: "generations"}
Key = tuple[str, str]


class StoreEntry(NamedTuple):
    """The digest of an event of the store; None where a difference of it has been reported already."""

    digest: bytes | None
    request_id: str
    decided_at: datetime


@dataclass(slots=True)
class CrossCheck:
    """The comparison of store and log.

    `compared` events stand in both. An event of one of them only is a difference where both reach: from the later of
    their beginnings to shortly before the earlier of their ends; elsewhere it is one of the `unsettled`.
    """

    log: Mapping[str, Period | None]
    compared: int = 0
    unsettled: int = 0
    entries: dict[Key, StoreEntry] = field(default_factory=dict)
    store: dict[str, Period] = field(default_factory=dict)

    @classmethod
    def for_log(cls, source: LogSource) -> CrossCheck:
        """Return a comparison with a log, whose periods are read first.

        Raises:
            LakeUnavailable: the storage failed.
        """
        return cls({table: source.period(table) for table in TABLES.values()})

    def add(self, decision: Decision, *, differs: bool) -> None:
        """Add an event of the store; `differs` when a difference of it has been reported already."""
        digest = None if differs else _digest(decision)
        self._add(
            _key(type(decision), decision.request_id, decision.event_id),
            StoreEntry(digest, decision.request_id, decision.decided_at),
        )

    def add_unreadable(self, kind: type[Decision], columns: Mapping[str, Any]) -> None:
        """Add a row of the store whose event cannot be read."""
        decided_at: datetime = columns["decided_at"]
        entry = StoreEntry(
            None, columns["request_id"], decided_at if decided_at.tzinfo else decided_at.replace(tzinfo=UTC)
        )
        self._add(_key(kind, entry.request_id, columns["event_id"]), entry)

    def _add(self, key: Key, entry: StoreEntry) -> None:
        self.entries[key] = entry
        period = self.store.get(key[0], Period(entry.decided_at, entry.decided_at))
        self.store[key[0]] = Period(min(period.oldest, entry.decided_at), max(period.newest, entry.decided_at))

    def drop(self, kind: type[Decision], columns: Mapping[str, Any]) -> None:
        """Forget an event that the log has and that cannot be compared."""
        self.entries.pop(_key(kind, columns["request_id"], columns["event_id"]), None)

    def differences(self, decision: Decision) -> Iterator[ReplayDifference]:
        """Yield the differences of an event of the log to the store's."""
        key = _key(type(decision), decision.request_id, decision.event_id)
        entry = self.entries.pop(key, None)
        if entry is None:
            yield from self._alone(key[0], decision.request_id, decision.decided_at, "log", "store")
            return
        self.compared += 1
        if entry.digest is not None and entry.digest != _digest(decision):
            yield ReplayDifference(decision.request_id, None, "event", "another in the log", "another in the store")

    def rest(self) -> Iterator[ReplayDifference]:
        """Yield a difference for each event of the store that the log does not have."""
        for (table, _), entry in self.entries.items():
            yield from self._alone(table, entry.request_id, entry.decided_at, "store", "log")

    def _alone(
        self, table: str, request_id: str, decided_at: datetime, present_in: str, absent_from: str
    ) -> Iterator[ReplayDifference]:
        # Each source has its own retention and its own delay, so an event outside the common period proves nothing.
        store, log = self.store.get(table), self.log[table]
        if (
            store
            and log
            and max(store.oldest, log.oldest) <= decided_at <= min(store.newest, log.newest) - SETTLING_TIME
        ):
            yield ReplayDifference(request_id, None, "row", f"in the {present_in}", f"not in the {absent_from}")
        else:
            self.unsettled += 1


def _key(kind: type[Decision], request_id: str, event_id: str) -> Key:
    """Return the key of an event: a decision stands for its request, a tip for itself."""
    return TABLES[kind], request_id if kind is ScoreDecision else event_id


def _digest(decision: Decision) -> bytes:
    return blake2b(decision.model_dump_json().encode(), digest_size=DIGEST_BYTES).digest()
