"""Keeps the bucket at what the store says: a pass, a pause, again; written by compare-and-swap.

The store is where the streams' events have had their effect, each once. So beliefs are a fold over the streams, and who
folds them anew, from the first event on, comes to the same bits.
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
from oo_contracts.buckets import Held, held
from oo_contracts.rewards import REWARDS
from oo_contracts.subjects import BELIEFS, EXPERIMENTS
from oo_experiments.beliefs import Beliefs
from oo_experiments.experiment import BadExperiment, Experiment, Holdout, parsed

from oo_consumers import metrics, streams
from oo_consumers.beliefs.fold import Fold, Rounds
from oo_consumers.pull import ACK, AGAIN, AWAY
from oo_consumers.store import StoreError

__all__ = ["Keeper", "contexts_of", "defined", "kept", "written"]

log = logging.getLogger(__name__)

BUSY = 9  # a pause is at least so many times as long as the pass before it


def contexts_of(experiments: Mapping[str, Experiment]) -> dict[str, bool]:
    """Whose beliefs are kept, and whether linear ones too."""
    return {key: item.needs_contexts for key, item in sorted(experiments.items()) if item.needs_beliefs}


def defined(files: Mapping[str, Experiment], values: Mapping[str, bytes]) -> dict[str, Experiment]:
    """Experiments of files, and over them those of the bucket; a bad one is left out, and that is logged."""
    found = dict(files)
    for key, value in values.items():
        try:
            item = parsed(key, value)
        except BadExperiment as error:
            log.warning("in the bucket of experiments: %s", error)
            continue
        if not isinstance(item, Holdout):
            found[key] = item
    return found


def written(key: str, beliefs: Beliefs, now: datetime) -> bytes:
    """A value of the bucket: the beliefs, and what they were made from."""
    value: dict[str, Any] = {"experiment": key, "rewards": REWARDS.version, "as_of": now.isoformat()}
    return json.dumps(value | {"digest": beliefs.digest, "beliefs": beliefs.plain()}, sort_keys=True).encode()


@dataclass(slots=True)
class Keeper:
    """`every` is the shortest pause between two passes, in seconds."""

    connection: Client
    store: Rounds
    files: Mapping[str, Experiment]
    stop: asyncio.Event
    every: float
    replicas: int = 1
    _fold: Fold = field(default_factory=lambda: Fold({}))
    _experiments: Held | None = None

    async def run(self) -> None:
        """Until `stop`. NATS and the database may go away and come back."""
        js = self.connection.jetstream(timeout=ACK)
        ready = False
        while not self.stop.is_set():
            began = time.monotonic()
            try:
                if not ready:
                    await streams.ensure(js, self.replicas)
                    ready = True
                await self._pass(js, datetime.now(UTC))
            except (StoreError, *AWAY) as error:
                log.warning("beliefs: trying again: %r", error)
                ready = False
            except Exception:
                log.exception("beliefs: a bug of ours; starting over")
                ready, self._fold, self._experiments = False, Fold({}), None
            await self._pause(max(self.every, AGAIN, BUSY * (time.monotonic() - began)))

    async def _pass(self, js: JetStreamContext, now: datetime) -> None:
        experiments = await held(js, EXPERIMENTS, self._experiments)
        if experiments is not self._experiments:
            self._experiments = experiments
            wanted = contexts_of(defined(self.files, experiments.values))
            if wanted != self._fold.contexts:
                self._fold = Fold(wanted)
        found = await asyncio.to_thread(self._fold.advance, self.store, now)
        there = await held(js, BELIEFS)
        for key, beliefs in found.items():
            await self._keep(js, there, key, beliefs, now)

    async def _keep(self, js: JetStreamContext, there: Held, key: str, beliefs: Beliefs, now: datetime) -> None:
        """Write what differs. Whoever is overtaken looks again at the next pass."""
        metrics.BELIEFS.labels(key).set(sum(rounds for rounds, _ in beliefs.arms.values()))
        before = kept(there.values[key]) if key in there.values else None
        if before is not None and before[0] == beliefs.digest:
            return
        bucket = await js.key_value(BELIEFS)
        try:
            await bucket.update(key, written(key, beliefs, now), last=there.revisions.get(key, 0))
        except KeyWrongLastSequenceError:
            log.info("%s: another keeper was quicker", key)

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self.stop.wait(), seconds)


def kept(value: bytes) -> tuple[str, datetime] | None:
    """The digest of the beliefs in a value that `written` gave, and its instant; None when it is something else."""
    try:
        found = json.loads(value)
        return Beliefs.read(found["beliefs"]).digest, datetime.fromisoformat(found["as_of"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
