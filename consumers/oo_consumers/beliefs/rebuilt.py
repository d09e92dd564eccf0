"""Beliefs once more, from the streams' first event on: the proof that what is kept is a fold and nothing else."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from oo_contracts.buckets import held
from oo_contracts.events import Event
from oo_contracts.subjects import BELIEFS, EXPERIMENTS
from oo_experiments.experiment import Experiment
from pydantic import ValidationError

from oo_consumers.beliefs.fold import Fold
from oo_consumers.beliefs.keeper import contexts_of, defined, kept
from oo_consumers.pull import ACK
from oo_consumers.store import Store
from oo_consumers.subscription import SUBSCRIPTIONS, Subscription

__all__ = ["Compared", "compare"]

FETCH = 500
SILENCE = 5.0  # seconds without a message that is still to come
WANTED = ("feedback", "decisions")
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Compared:
    """One experiment's beliefs: as kept (None: not at all) and as folded anew, as of the same instant."""

    experiment: str
    as_of: datetime
    rounds: int
    kept: str | None
    rebuilt: str

    @property
    def equal(self) -> bool:
        return self.kept == self.rebuilt


async def compare(connection: Client, files: Mapping[str, Experiment], progress: Progress) -> list[Compared]:
    """Every experiment whose policies have beliefs.

    Raises:
        nats.errors.Error: NATS went away, or stopped in the middle of a stream.
    """
    js = connection.jetstream(timeout=ACK)
    experiments = defined(files, (await held(js, EXPERIMENTS)).values)
    there = {key: kept(value) for key, value in (await held(js, BELIEFS)).values.items()}
    contexts = contexts_of(experiments)
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(f"sqlite:///{folder}/effects.db")
        try:
            for item in SUBSCRIPTIONS:
                if item.durable in WANTED:
                    await _replayed(js, item, store, progress)
            return [_compared(key, contexts[key], store, there.get(key)) for key in contexts]
        finally:
            store.close()


def _compared(key: str, linear: bool, store: Store, there: tuple[str, datetime] | None) -> Compared:
    as_of = there[1] if there else datetime.now(UTC)
    beliefs = Fold({key: linear}).advance(store, as_of)[key]
    rounds = sum(count for count, _ in beliefs.arms.values())
    return Compared(key, as_of, rounds, there[0] if there else None, beliefs.digest)


async def _replayed(js: JetStreamContext, of: Subscription, store: Store, progress: Progress) -> None:
    """All that a stream holds now, as its durable would take it; what is unreadable is no effect there either."""
    last = (await js.stream_info(of.stream.name)).state.last_seq
    async for batch, at in _read(js, of, last):
        facts = [fact for message in batch if (fact := _fact(of, message)) is not None]
        await asyncio.to_thread(store.record_all, of.durable, facts)
        progress(f"reading {of.stream.name}", at, last)


async def _read(js: JetStreamContext, of: Subscription, last: int) -> AsyncIterator[tuple[Sequence[Msg], int]]:
    config = ConsumerConfig(deliver_policy=DeliverPolicy.ALL, ack_policy=AckPolicy.NONE, mem_storage=True)
    made = await js.add_consumer(of.stream.name, config)
    reader = await js.pull_subscribe_bind(made.name, of.stream.name)
    try:
        at = 0
        while at < last and (await reader.consumer_info()).num_pending:
            batch = await reader.fetch(FETCH, timeout=SILENCE)
            at = batch[-1].metadata.sequence.stream
            yield batch, at
    finally:
        await reader.unsubscribe()
        await js.delete_consumer(of.stream.name, made.name)


def _fact(of: Subscription, message: Msg) -> Event | None:
    try:
        return of.event_of(message.subject).model_validate_json(message.data)
    except ValidationError:
        return None
