"""What runs now: experiments of files, over them those of NATS, and what their policies believe. No restart for either.

NATS may be away: what was known goes on, and files are there from the start. A definition that cannot be used is left
out, logged and counted, and what stood there before goes on.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

import nats
import nats.errors
from nats.aio.client import Client
from nats.js.errors import Error as JetStreamError
from oo_contracts.buckets import Held, held
from oo_contracts.subjects import BELIEFS, EXPERIMENTS
from oo_experiments.beliefs import BadBeliefs, Beliefs
from oo_experiments.enrolment import Running
from oo_experiments.experiment import BadExperiment, Experiment, Holdout, parsed
from oo_experiments.linear import require_solvable

from oo_transformers import metrics

__all__ = ["Live", "usable"]

log = logging.getLogger(__name__)

EVERY = 1.0  # seconds between two looks
PATIENCE = 5.0  # seconds for an answer of JetStream
AWAY = (nats.errors.Error, JetStreamError, OSError, TimeoutError)


@dataclass(slots=True)
class Live:
    """`files` is what to begin with, `prompts` the versions that there are. `running` is swapped as a whole."""

    url: str
    files: Running
    prompts: frozenset[str]
    running: Running = field(init=False)
    _definitions: dict[str, Experiment | Holdout] = field(default_factory=dict)
    _beliefs: dict[str, Beliefs] = field(default_factory=dict)
    _seen: dict[str, Held] = field(default_factory=dict)
    _task: asyncio.Task[None] | None = None
    _said: str = ""

    def __post_init__(self) -> None:
        self.running = self.files

    def start(self) -> None:
        """Begin to look, in a task of the running loop."""
        self._task = asyncio.create_task(self._run(), name="live experiments")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        while True:
            connection = Client()
            try:
                await connection.connect(self.url, max_reconnect_attempts=-1, error_cb=_unsaid)
                while not connection.is_closed:
                    await self._look(connection)
                    await asyncio.sleep(EVERY)
            except AWAY as error:
                self._note(repr(error))
            except Exception:
                log.exception("experiments stay as they are: a bug of ours; starting over")
            finally:
                with contextlib.suppress(*AWAY):
                    await connection.close()
            await asyncio.sleep(EVERY)

    async def _look(self, connection: Client) -> None:
        js = connection.jetstream(timeout=PATIENCE)
        try:
            found = {bucket: await held(js, bucket, self._seen.get(bucket)) for bucket in (EXPERIMENTS, BELIEFS)}
        except AWAY as error:
            self._note(repr(error))
            return
        self._said = ""
        if found != self._seen:
            self._seen = found
            self.take(found[EXPERIMENTS].values, found[BELIEFS].values)

    def take(self, experiments: Mapping[str, bytes], beliefs: Mapping[str, bytes]) -> None:
        """Values of both buckets; what is unusable among them keeps its earlier state."""
        known, believed = self._definitions, self._beliefs
        defined = {key: self._defined(key, value) for key, value in experiments.items()}
        taught = {key: _believed(key, value, believed) for key, value in beliefs.items()}
        self._definitions = {key: item for key, item in defined.items() if item is not None}
        self._beliefs = {key: item for key, item in taught.items() if item is not None}
        if self._definitions != known or self._beliefs != believed:
            self.running = self.files.overlaid(self._definitions, self._beliefs)
            log.info("experiments: %s", ", ".join(item.key for item in self.running.experiments) or "none")

    def _defined(self, key: str, value: bytes) -> Experiment | Holdout | None:
        try:
            return usable(parsed(key, value), self.prompts)
        except BadExperiment as error:
            log.warning("left as it was: experiment %s", error)
            metrics.UNUSABLE.labels("experiment").inc()
            return self._definitions.get(key)

    def _note(self, text: str) -> None:
        """Say what is wrong once, not each second."""
        if text != self._said:
            self._said = text
            log.warning("experiments stay as they are, NATS at %s: %s", self.url, text)


def usable(of: Experiment | Holdout, prompts: frozenset[str]) -> Experiment | Holdout:
    """The definition, if every prompt version that it names exists.

    Raises:
        BadExperiment: one does not.
    """
    if isinstance(of, Experiment) and (unknown := sorted(set(of.prompts) - prompts)):
        known = ", ".join(sorted(prompts))
        raise BadExperiment(f"{of.key}: prompts: there is no version {unknown[0]}; known are {known}")
    return of


def _believed(key: str, value: bytes, before: Mapping[str, Beliefs]) -> Beliefs | None:
    try:
        found = Beliefs.read(json.loads(value)["beliefs"])
        require_solvable(found)
    except (BadBeliefs, ValueError, KeyError, TypeError, RecursionError) as error:
        log.warning("left as they were: beliefs of %s: %r", key, error)
        metrics.UNUSABLE.labels("beliefs").inc()
        return before.get(key)
    return found


async def _unsaid(_: Exception) -> None:
    """An attempt in vain; `_look` says so once."""
