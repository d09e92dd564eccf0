"""The writer of the beliefs' bucket: a pass over the store, a pause, and again; each write is a compare-and-swap.

The store is where the streams' events have had their effect, each once. So beliefs are a fold over the streams, and
whoever folds them anew, from the first event on, comes to the same bits.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.errors import KeyWrongLastSequenceError
from oo_contracts.buckets import BucketSnapshot, read_bucket
from oo_contracts.reward_table import DEFAULT_REWARDS
from oo_contracts.subjects import BELIEFS_BUCKET, EXPERIMENTS_BUCKET
from oo_decisions.experiment_overlay import Definition, ExperimentOverlay
from oo_experiments.assignment.experiment import Experiment
from oo_experiments.policies.beliefs import Beliefs

from oo_consumers import metrics, streams
from oo_consumers.beliefs.fold import Fold, RequestHistories
from oo_consumers.dead_letter_stream import DeadLetterStream
from oo_consumers.effect_store import StoreError
from oo_consumers.progress import ReaderProgress
from oo_consumers.pull_consumer import NATS_ERRORS, REQUEST_TIMEOUT_S, RETRY_DELAY_S
from oo_consumers.subscription import printable

__all__ = ["READER_NAME", "BeliefWriter", "experiments_with_beliefs", "serialize", "stored_digest"]

log = logging.getLogger(__name__)

READER_NAME = "beliefs"  # this reader's name in dead letters and probes
MIN_PAUSE_FACTOR = 9  # a pause is at least this many times as long as the pass before it
MAX_PAUSE_AFTER_FAILURE_S = 30.0  # seconds; whether a pass succeeds again should be known soon


def experiments_with_beliefs(definitions: Mapping[str, Definition]) -> dict[str, bool]:
    """Return the keys of the experiments whose policies have beliefs; the value is true where these are linear, too."""
    experiments = {key: item for key, item in sorted(definitions.items()) if isinstance(item, Experiment)}
    return {key: item.needs_contexts for key, item in experiments.items() if item.needs_beliefs}


def serialize(key: str, beliefs: Beliefs, now: datetime) -> bytes:
    """Return a value of the bucket as JSON: the beliefs, their digest, and what they were computed from."""
    value: dict[str, Any] = {"experiment": key, "rewards": DEFAULT_REWARDS.version, "as_of": now.isoformat()}
    return json.dumps(value | {"digest": beliefs.digest, "beliefs": beliefs.to_plain()}, sort_keys=True).encode()


@dataclass(slots=True)
class BeliefWriter:
    """The process's loop that stores beliefs; `interval_s` is the shortest pause between two passes, in seconds."""

    connection: Client
    store: RequestHistories
    files: Mapping[str, Definition]
    stop: asyncio.Event
    interval_s: float
    replicas: int = 1
    progress: ReaderProgress = field(default_factory=ReaderProgress)
    _buried: set[str] = field(default_factory=set)
    _fold: Fold = field(default_factory=lambda: Fold({}))
    _experiments: BucketSnapshot | None = None
    _overlay: ExperimentOverlay = field(default_factory=ExperimentOverlay)

    async def run(self) -> None:
        """Repeat passes until `stop` is set; NATS and the database may go away and come back."""
        js = self.connection.jetstream(timeout=REQUEST_TIMEOUT_S)
        ready = False
        while not self.stop.is_set():
            began = time.monotonic()
            try:
                if not ready:
                    await streams.ensure_streams(js, self.replicas)
                    ready = True
                    self.progress.began(READER_NAME)
                await self._pass(js, datetime.now(UTC))
                self.progress.succeeded(READER_NAME)
            except (StoreError, *NATS_ERRORS) as error:
                log.warning("beliefs: trying again: %r", error)
                self.progress.failed(READER_NAME, f"tries again ({type(error).__name__})")
                ready = False
            except Exception as error:
                log.exception("beliefs: a bug of ours; starting over")
                self.progress.failed(READER_NAME, f"starts over ({type(error).__name__})")
                ready, self._fold, self._experiments = False, Fold({}), None
            # The pause grows with the pass, so that a large store is read at most a tenth of the time; after a failure
            # it is bounded, or an outage in a long pass would hide the recovery.
            pause_s = MIN_PAUSE_FACTOR * (time.monotonic() - began)
            await self._pause(
                max(self.interval_s, RETRY_DELAY_S, pause_s if ready else min(pause_s, MAX_PAUSE_AFTER_FAILURE_S))
            )

    async def _pass(self, js: JetStreamContext, now: datetime) -> None:
        experiments = await read_bucket(js, EXPERIMENTS_BUCKET, self._experiments)
        if experiments is not self._experiments:
            self._experiments = experiments
            contexts = self._contexts(experiments)
            if contexts != self._fold.contexts:
                self._fold = Fold(contexts)
        beliefs_by_experiment = await asyncio.to_thread(self._fold.advance, self.store, now)
        await self._bury(js)
        stored = await read_bucket(js, BELIEFS_BUCKET)
        for key, beliefs in beliefs_by_experiment.items():
            await self._write(js, stored, key, beliefs, now)

    def _contexts(self, snapshot: BucketSnapshot) -> dict[str, bool]:
        """Return the experiments to learn for; a definition that cannot be used leaves the one before it in force."""
        self._overlay = self._overlay.updated(snapshot.history())
        for error in self._overlay.refused.values():
            log.warning("left as it was: experiment %s", error)
        return experiments_with_beliefs(self._overlay.over(self.files))

    async def _bury(self, js: JetStreamContext) -> None:
        """Send each decision that the fold refused to the dead letters, once for each process."""
        dead = DeadLetterStream(js, lambda: self.connection.max_payload)
        for key, refused in self._fold.unlearnable.items():
            if key not in self._buried:
                log.error("beliefs: dead letter of request %s: %s", key, refused.reason)
                await dead.put(READER_NAME, refused, printable(refused.reason))
                self._buried.add(key)

    async def _write(
        self, js: JetStreamContext, snapshot: BucketSnapshot, key: str, beliefs: Beliefs, now: datetime
    ) -> None:
        """Write the beliefs of one experiment when they differ; after a lost race the next pass tries again."""
        metrics.BELIEFS.labels(key).set(sum(rounds for rounds, _ in beliefs.arms.values()))
        before = stored_digest(snapshot.values[key]) if key in snapshot.values else None
        if before is not None and before[0] == beliefs.digest:
            return
        bucket = await js.key_value(BELIEFS_BUCKET)
        try:
            await bucket.update(key, serialize(key, beliefs, now), last=snapshot.revisions.get(key, 0))
        except KeyWrongLastSequenceError:
            log.info("%s: another belief writer was quicker", key)

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self.stop.wait(), seconds)


def stored_digest(value: bytes) -> tuple[str, datetime] | None:
    """Return the digest and the instant of a value that `serialize` made; None when it is something else."""
    try:
        parsed_json = json.loads(value)
        return Beliefs.from_plain(parsed_json["beliefs"]).digest, datetime.fromisoformat(parsed_json["as_of"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
