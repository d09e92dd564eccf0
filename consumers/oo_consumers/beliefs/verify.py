"""Beliefs folded anew from the streams' first event on: the proof that the stored beliefs are a fold and nothing
else."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from oo_contracts.buckets import read_bucket
from oo_contracts.subjects import BELIEFS_BUCKET, EXPERIMENTS_BUCKET
from oo_decisions.experiment_overlay import Definition, ExperimentOverlay

from oo_consumers.beliefs.belief_writer import experiments_with_beliefs, stored_digest
from oo_consumers.beliefs.fold import Fold
from oo_consumers.effect_store import Store, Unstorable
from oo_consumers.event_reader import Published, Unreadable, read_event
from oo_consumers.pull_consumer import REQUEST_TIMEOUT_S
from oo_consumers.pull_reader import pull_reader
from oo_consumers.subscription import SUBSCRIPTIONS, Subscription

__all__ = ["BeliefComparison", "compare_beliefs"]

FETCH_BATCH = 500
SILENCE_TIMEOUT_S = 5.0  # seconds without a message that is still to come
SOURCE_DURABLES = ("feedback", "decisions")
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class BeliefComparison:
    """The digests of one experiment's beliefs, as stored (None where they are not) and as rebuilt at the same
    instant."""

    experiment: str
    as_of: datetime
    rounds: int
    kept: str | None
    rebuilt: str

    @property
    def equal(self) -> bool:
        """Whether the stored beliefs are the rebuilt ones, bit for bit."""
        return self.kept == self.rebuilt


async def compare_beliefs(
    connection: Client, files: Mapping[str, Definition], progress: Progress
) -> list[BeliefComparison]:
    """Compare every experiment whose policies have beliefs.

    Raises:
        nats.errors.Error: NATS went away, or stopped in the middle of a stream.
    """
    js = connection.jetstream(timeout=REQUEST_TIMEOUT_S)
    overlay = ExperimentOverlay().updated((await read_bucket(js, EXPERIMENTS_BUCKET)).history())
    stored = {key: stored_digest(value) for key, value in (await read_bucket(js, BELIEFS_BUCKET)).values.items()}
    contexts = experiments_with_beliefs(overlay.over(files))
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(f"sqlite:///{folder}/effects.db")
        try:
            for item in SUBSCRIPTIONS:
                if item.durable in SOURCE_DURABLES:
                    await _replay(connection, js, item, store, progress)
            return [_compare_one(key, contexts[key], store, stored.get(key)) for key in contexts]
        finally:
            store.close()


def _compare_one(key: str, linear: bool, store: Store, stored: tuple[str, datetime] | None) -> BeliefComparison:
    as_of = stored[1] if stored else datetime.now(UTC)
    beliefs = Fold({key: linear}).advance(store, as_of)[key]
    rounds = sum(count for count, _ in beliefs.arms.values())
    return BeliefComparison(key, as_of, rounds, stored[0] if stored else None, beliefs.digest)


async def _replay(
    connection: Client, js: JetStreamContext, subscription: Subscription, store: Store, progress: Progress
) -> None:
    """Record everything that a stream holds now, as its durable would; what is unreadable has no effect there
    either."""
    last = (await js.stream_info(subscription.stream.name)).state.last_seq
    async for batch, sequence in _read(connection, js, subscription, last):
        facts = [fact for message in batch if (fact := _fact(subscription, message)) is not None]
        await asyncio.to_thread(_record, store, subscription.durable, facts)
        progress(f"reading {subscription.stream.name}", sequence, last)


def _record(store: Store, durable: str, facts: Sequence[Published]) -> None:
    """Record the facts; what cannot be stored has no effect with the durable either."""
    try:
        store.record_all(durable, facts)
    except Unstorable as error:
        store.record_all(durable, [fact for index, fact in enumerate(facts) if index not in error.reasons])


async def _read(
    connection: Client, js: JetStreamContext, subscription: Subscription, last: int
) -> AsyncIterator[tuple[Sequence[Msg], int]]:
    config = ConsumerConfig(deliver_policy=DeliverPolicy.ALL, ack_policy=AckPolicy.NONE, mem_storage=True)
    stream = subscription.stream.name
    consumer = await js.add_consumer(stream, config)
    try:
        async with pull_reader(connection, stream, consumer.name) as reader:
            sequence = 0
            while sequence < last and (await js.consumer_info(stream, consumer.name)).num_pending:
                batch = await reader.fetch(FETCH_BATCH, SILENCE_TIMEOUT_S)
                if not batch:
                    raise nats.errors.TimeoutError
                sequence = batch[-1].metadata.sequence.stream
                yield batch, sequence
    finally:
        await js.delete_consumer(stream, consumer.name)


def _fact(subscription: Subscription, message: Msg) -> Published | None:
    try:
        return read_event(subscription.event_type_of(message.subject), message.data)
    except Unreadable:
        return None
