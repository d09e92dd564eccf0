"""Durable consumers as rows of a table; one function answers the server for each message.

How a message may end
├── stored (or already there)   acknowledged; if that is lost, it comes again and is already there
├── the database is away        negatively acknowledged with a delay: it comes again, and again
├── unreadable, or unstorable   a dead letter with the reason, then acknowledged
└── refused, or a bug of ours   tried again; after MAX_DELIVER times a dead letter with the reason
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from nats.js.api import ConsumerConfig
from oo_contracts.decision_summary import DecisionSummary
from oo_contracts.events import Feedback, GenerateDecision, Prediction, Signal
from oo_contracts.subjects import (
    DECISIONS_STREAM,
    FEEDBACK_STREAM,
    PREDICTIONS_STREAM,
    SIGNALS_STREAM,
    Stream,
    decision_subject,
)

from oo_consumers import metrics
from oo_consumers.effect_store import StoreError, StoreUnavailable, Unstorable
from oo_consumers.event_reader import Published, Unreadable, read_batch, read_event
from oo_consumers.in_flight import gather

__all__ = [
    "MAX_DELIVER",
    "SUBSCRIPTIONS",
    "DeadLetter",
    "DeadLetterSink",
    "EffectStore",
    "StreamMessage",
    "Subscription",
    "printable",
    "settle",
]

log = logging.getLogger(__name__)

MAX_DELIVER = 5  # tries for an event that the database refuses
RETRY_DELAY_S = 2.0  # seconds; doubled with every delivery up to MAX_RETRY_DELAY_S
MAX_RETRY_DELAY_S = 60.0
ACK_WAIT_S = 30.0  # seconds until the server deals out again what a dead process held
MAX_REASON_LENGTH = 500


class DeadLetter(Protocol):
    """A message on its way to the dead letters."""

    @property
    def subject(self) -> str:
        """The subject that it was published to."""

    @property
    def data(self) -> bytes:
        """Its body."""

    @property
    def stream_position(self) -> str:
        """An id that is unique among all that its reader may bury."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Its headers."""


class StreamMessage(DeadLetter, Protocol):
    """What `settle` uses of a JetStream message."""

    @property
    def deliveries(self) -> int:
        """How often it has been delivered, at least 1."""

    async def ack(self) -> None:
        """Acknowledge it; the server may not have heard of it yet."""

    async def nak(self, delay: float) -> None:
        """Ask for it again after `delay` seconds."""


class EffectStore(Protocol):
    """The part of the store that `settle` uses."""

    def record_all(self, source: str, facts: Sequence[Published]) -> list[bool]:
        """Record a batch in one transaction; return for each event whether it was new."""


class DeadLetterSink(Protocol):
    """The destination of messages that cannot be processed."""

    async def put(self, durable: str, message: DeadLetter, reason: str) -> None:
        """Keep the message with the reason, once."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """One durable: its stream, and as what an event of a subject is read.

    `event_type_of` raises `Unreadable` for a subject that carries none.
    """

    durable: str
    stream: Stream
    event_type_of: Callable[[str], type[Published]]

    def config(self, ack_wait: float = ACK_WAIT_S) -> ConsumerConfig:
        """Return the durable's configuration, without a delivery limit at the server.

        A message leaves only when it is stored or a dead letter; the limit is ours (`MAX_DELIVER`).
        """
        return ConsumerConfig(durable_name=self.durable, ack_wait=ack_wait, max_deliver=-1, max_ack_pending=1_000)


DECISION_TYPES: Mapping[str, type[Published]] = {
    decision_subject("score"): DecisionSummary,
    decision_subject("generate"): GenerateDecision,
}


def _decided(subject: str) -> type[Published]:
    if subject not in DECISION_TYPES:
        raise Unreadable(f"subject: no decision is known by it, only {' and '.join(DECISION_TYPES)}")
    return DECISION_TYPES[subject]


SUBSCRIPTIONS = (
    Subscription("signals", SIGNALS_STREAM, lambda _: Signal),
    Subscription("feedback", FEEDBACK_STREAM, lambda _: Feedback),
    Subscription("decisions", DECISIONS_STREAM, _decided),
    Subscription("predictions", PREDICTIONS_STREAM, lambda _: Prediction),
)


async def settle(
    messages: Sequence[StreamMessage], subscription: Subscription, store: EffectStore, dead_letters: DeadLetterSink
) -> bool:
    """Store a batch in one transaction, and in halves when the database refuses it, so that only the bad event suffers.

    Returns False while the database is away.
    """
    readable, unreadable = await read_batch(
        messages, lambda message: read_event(subscription.event_type_of(message.subject), message.data)
    )
    await gather(_bury(message, subscription, dead_letters, reason) for message, reason in unreadable)
    return await _store(readable, subscription, store, dead_letters)


async def _store(
    readable: Sequence[tuple[StreamMessage, Published]],
    subscription: Subscription,
    store: EffectStore,
    dead_letters: DeadLetterSink,
) -> bool:
    if not readable:
        return True
    try:
        new = await asyncio.to_thread(store.record_all, subscription.durable, [fact for _, fact in readable])
    except StoreUnavailable as error:
        log.warning("%s: the database is away (%s); %d events wait", subscription.durable, error, len(readable))
        metrics.HANDLED.labels(subscription.durable, "waiting").inc(len(readable))
        await asyncio.gather(*(message.nak(_delay(message)) for message, _ in readable))
        return False
    # These can never be stored: bury them now and store the rest, instead of halving down to each.
    except Unstorable as error:
        buried = {index: f"refused: {reason}" for index, reason in error.reasons.items()}
        await gather(_bury(readable[index][0], subscription, dead_letters, reason) for index, reason in buried.items())
        return await _store(
            [pair for index, pair in enumerate(readable) if index not in buried], subscription, store, dead_letters
        )
    except Exception as error:  # noqa: BLE001  # a refusal or a bug: logged there, and the batch must go on
        return await _store_individually(readable, subscription, store, dead_letters, error)
    metrics.HANDLED.labels(subscription.durable, "stored").inc(sum(new))
    metrics.HANDLED.labels(subscription.durable, "repeated").inc(len(new) - sum(new))
    for message, _ in readable:  # nothing is waited for, so tasks would gain nothing
        await message.ack()
    return True


async def _store_individually(
    readable: Sequence[tuple[StreamMessage, Published]],
    subscription: Subscription,
    store: EffectStore,
    dead_letters: DeadLetterSink,
    error: Exception,
) -> bool:
    """Store each half in its own transaction; a single refused message comes again, then becomes a dead letter."""
    if middle := len(readable) // 2:
        halves = readable[:middle], readable[middle:]
        return all([await _store(half, subscription, store, dead_letters) for half in halves])
    message = readable[0][0]
    if message.deliveries >= MAX_DELIVER:
        await _bury(
            message, subscription, dead_letters, f"refused {message.deliveries} times: {type(error).__name__}: {error}"
        )
    else:
        expected = isinstance(error, StoreError)
        log.warning(
            "%s: refused, delivery %d: %r", subscription.durable, message.deliveries, error, exc_info=not expected
        )
        await message.nak(_delay(message))
    return True


async def _bury(message: StreamMessage, subscription: Subscription, dead_letters: DeadLetterSink, reason: str) -> None:
    reason = printable(reason)
    log.error("%s: dead letter from %s: %s", subscription.durable, message.subject, reason)
    await dead_letters.put(subscription.durable, message, reason)
    metrics.HANDLED.labels(subscription.durable, "dead").inc()
    await message.ack()


def printable(reason: str) -> str:
    """Return a reason as a header can carry it: printable characters, at most `MAX_REASON_LENGTH` of them."""
    return "".join(sign if sign.isprintable() else " " for sign in reason)[:MAX_REASON_LENGTH]


def _delay(message: StreamMessage) -> float:
    """Return the seconds until the next delivery, longer with each.

    The exponent is bounded because an outage may last thousands of deliveries.
    """
    return float(min(MAX_RETRY_DELAY_S, RETRY_DELAY_S * 2 ** min(message.deliveries - 1, 10)))
