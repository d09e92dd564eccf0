"""This module polls what runs now: experiments of files, over them those of NATS, and their policies' beliefs.

Neither a new experiment nor new beliefs need a restart. While NATS is away the last known state stays, and files are
there from the start. A definition that cannot be used is logged and counted, and its earlier state stays.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import nats
import nats.errors
from nats.aio.client import Client
from nats.js.errors import Error as JetStreamError
from oo_contracts.buckets import BucketSnapshot, read_bucket
from oo_contracts.subjects import BELIEFS_BUCKET, EXPERIMENTS_BUCKET
from oo_decisions.experiment_overlay import Definition, ExperimentOverlay, active_experiments
from oo_experiments.assignment.assignment import ActiveExperiments
from oo_experiments.policies.beliefs import BadBeliefs, Beliefs
from oo_experiments.policies.linear import require_solvable

from oo_transformers import metrics

__all__ = ["ExperimentPoller"]

log = logging.getLogger(__name__)

POLL_INTERVAL_S = 1.0  # between two polls
TIMEOUT_S = 5.0  # for an answer of JetStream
NATS_ERRORS = (nats.errors.Error, JetStreamError, OSError, TimeoutError)


@dataclass(slots=True)
class ExperimentPoller:
    """A task that polls the two buckets of NATS and replaces `active` as a whole when they change.

    It begins with `file_definitions`; `prompts` are the prompt versions that exist.
    """

    url: str
    file_definitions: Mapping[str, Definition]
    prompts: frozenset[str]
    active: ActiveExperiments = field(init=False)
    _overlay: ExperimentOverlay = field(default_factory=ExperimentOverlay)
    _beliefs: dict[str, Beliefs] = field(default_factory=dict)
    _seen: dict[str, BucketSnapshot] = field(default_factory=dict)
    _task: asyncio.Task[None] | None = None
    _reported: str = ""

    def __post_init__(self) -> None:
        self.active = active_experiments(self.file_definitions)

    def start(self) -> None:
        """Begin to poll, in a task of the running loop."""
        self._task = asyncio.create_task(self._run(), name="live experiments")

    async def stop(self) -> None:
        """Stop polling, and wait until the task has ended."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        while True:
            connection = Client()
            try:
                await connection.connect(self.url, max_reconnect_attempts=-1, error_cb=_ignore_error)
                while not connection.is_closed:
                    await self._poll(connection)
                    await asyncio.sleep(POLL_INTERVAL_S)
            except NATS_ERRORS as error:
                self._note(repr(error))
            except Exception:
                log.exception("experiments stay as they are: a bug of ours; starting over")
            finally:
                with contextlib.suppress(*NATS_ERRORS):
                    await connection.close()
            await asyncio.sleep(POLL_INTERVAL_S)

    async def _poll(self, connection: Client) -> None:
        js = connection.jetstream(timeout=TIMEOUT_S)
        try:
            snapshots = {
                bucket: await read_bucket(js, bucket, self._seen.get(bucket))
                for bucket in (EXPERIMENTS_BUCKET, BELIEFS_BUCKET)
            }
        except NATS_ERRORS as error:
            self._note(repr(error))
            return
        self._reported = ""
        if snapshots != self._seen:
            # Both buckets are applied in one step, so that no call sees a new experiment with old beliefs.
            self._seen = snapshots
            self.apply(snapshots[EXPERIMENTS_BUCKET].history(), snapshots[BELIEFS_BUCKET].values)

    def apply(self, experiments: Mapping[str, Sequence[bytes]], beliefs: Mapping[str, bytes]) -> None:
        """Apply both buckets: of experiments the revisions by key, newest first, of beliefs the values.

        A value that is unusable leaves the earlier state of its key.
        """
        earlier_overlay, earlier_beliefs = self._overlay, self._beliefs
        self._overlay = earlier_overlay.updated(experiments, self.prompts)
        for error in self._overlay.refused.values():
            log.warning("left as it was: experiment %s", error)
            metrics.UNUSABLE.labels("experiment").inc()
        new_beliefs = {key: _parse_beliefs(key, value, earlier_beliefs) for key, value in beliefs.items()}
        self._beliefs = {key: item for key, item in new_beliefs.items() if item is not None}
        if self._overlay.in_force != earlier_overlay.in_force or self._beliefs != earlier_beliefs:
            self.active = active_experiments(self._overlay.over(self.file_definitions), self._beliefs)
            log.info("experiments: %s", ", ".join(item.key for item in self.active.experiments) or "none")

    def _note(self, text: str) -> None:
        """Log a problem once, not at every poll."""
        if text != self._reported:
            self._reported = text
            log.warning("experiments stay as they are, NATS at %s: %s", self.url, text)


def _parse_beliefs(key: str, value: bytes, before: Mapping[str, Beliefs]) -> Beliefs | None:
    try:
        beliefs = Beliefs.from_plain(json.loads(value)["beliefs"])
        require_solvable(beliefs)
    except (BadBeliefs, ValueError, KeyError, TypeError, RecursionError) as error:
        log.warning("left as they were: beliefs of %s: %r", key, error)
        metrics.UNUSABLE.labels("beliefs").inc()
        return before.get(key)
    return beliefs


async def _ignore_error(_: Exception) -> None:
    """Ignore the failure of one attempt to connect; `_poll` logs that NATS is away, once."""
