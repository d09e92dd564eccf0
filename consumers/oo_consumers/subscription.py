"""A durable consumer is a row of a table; one function answers the server for each message.

How a message may end
├── stored (or already there)   acknowledged, and the acknowledgement is itself acknowledged
├── the database is away        negatively acknowledged with a delay: it comes again, and again
├── unreadable                  a dead letter with the reason, then acknowledged
└── refused, or a bug of ours   tried again; after MAX_DELIVER times a dead letter with the reason
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from nats.js.api import ConsumerConfig
from oo_contracts.events import Event, Feedback, GenerateDecision, Prediction, ScoreDecision, Signal
from oo_contracts.subjects import DECISIONS, FEEDBACK, PREDICTIONS, SIGNALS, Stream, decision
from pydantic import ValidationError

from oo_consumers import metrics
from oo_consumers.store import StoreError, Unavailable

__all__ = ["MAX_DELIVER", "SUBSCRIPTIONS", "DeadLetters", "EffectStore", "Message", "Subscription", "settle"]

log = logging.getLogger(__name__)

MAX_DELIVER = 5  # tries for an event that the database refuses
RETRY_AFTER = 2.0  # seconds; doubled with every delivery up to LONGEST
LONGEST = 60.0
ACK_WAIT = 30.0  # seconds until the server deals out again what a dead process held
REASON_LENGTH = 500


class Message(Protocol):
    """What we use of a JetStream message."""

    @property
    def subject(self) -> str: ...
    @property
    def data(self) -> bytes: ...
    @property
    def place(self) -> str: ...
    @property
    def deliveries(self) -> int: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    async def ack(self) -> None: ...
    async def nak(self, delay: float) -> None: ...


class EffectStore(Protocol):
    """Where effects go."""

    def record_all(self, source: str, facts: Sequence[Event]) -> list[bool]: ...


class DeadLetters(Protocol):
    """Where what cannot be processed goes."""

    async def put(self, durable: str, message: Message, reason: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Subscription:
    """One durable: its stream, and the type of event that a subject carries."""

    durable: str
    stream: Stream
    event_of: Callable[[str], type[Event]]

    def config(self, ack_wait: float = ACK_WAIT) -> ConsumerConfig:
        """No delivery limit at the server: a message leaves only stored or as a dead letter."""
        return ConsumerConfig(durable_name=self.durable, ack_wait=ack_wait, max_deliver=-1, max_ack_pending=1_000)


def _decided(subject: str) -> type[Event]:
    return GenerateDecision if subject == decision("generate") else ScoreDecision


SUBSCRIPTIONS = (
    Subscription("signals", SIGNALS, lambda _: Signal),
    Subscription("feedback", FEEDBACK, lambda _: Feedback),
    Subscription("decisions", DECISIONS, _decided),
    Subscription("predictions", PREDICTIONS, lambda _: Prediction),
)


async def settle(messages: Sequence[Message], to: Subscription, store: EffectStore, dead: DeadLetters) -> None:
    """Store a batch in one transaction; when the database refuses it, one by one, so that only the bad one suffers."""
    readable = [(message, fact) for message in messages if (fact := await _read(message, to, dead)) is not None]
    if not readable:
        return
    try:
        new = await asyncio.to_thread(store.record_all, to.durable, [fact for _, fact in readable])
    except Unavailable as error:
        log.warning("%s: the database is away (%s); %d events wait", to.durable, error, len(readable))
        metrics.HANDLED.labels(to.durable, "waiting").inc(len(readable))
        await asyncio.gather(*(message.nak(_delay(message)) for message, _ in readable))
        return
    except Exception as error:  # noqa: BLE001  # a refusal or a bug: logged there, and the batch must go on
        await _apart(readable, to, store, dead, error)
        return
    metrics.HANDLED.labels(to.durable, "stored").inc(sum(new))
    metrics.HANDLED.labels(to.durable, "repeated").inc(len(new) - sum(new))
    await asyncio.gather(*(message.ack() for message, _ in readable))


async def _read(message: Message, to: Subscription, dead: DeadLetters) -> Event | None:
    """The event, or None when it went to the dead letters: what cannot be read will never become readable."""
    try:
        return to.event_of(message.subject).model_validate_json(message.data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "body"
        await _bury(message, to, dead, f"unreadable: {where}: {first['msg']}")
        return None


async def _apart(
    readable: Sequence[tuple[Message, Event]],
    to: Subscription,
    store: EffectStore,
    dead: DeadLetters,
    error: Exception,
) -> None:
    """Each event in a transaction of its own; one that is alone and refused comes again, then becomes a dead letter."""
    if len(readable) > 1:
        for message, _ in readable:
            await settle([message], to, store, dead)
        return
    message = readable[0][0]
    if message.deliveries >= MAX_DELIVER:
        await _bury(message, to, dead, f"refused {message.deliveries} times: {type(error).__name__}: {error}")
    else:
        known = isinstance(error, StoreError)
        log.warning("%s: refused, delivery %d: %r", to.durable, message.deliveries, error, exc_info=not known)
        await message.nak(_delay(message))


async def _bury(message: Message, to: Subscription, dead: DeadLetters, reason: str) -> None:
    reason = "".join(sign if sign.isprintable() else " " for sign in reason)[:REASON_LENGTH]
    log.error("%s: dead letter from %s: %s", to.durable, message.subject, reason)
    await dead.put(to.durable, message, reason)
    metrics.HANDLED.labels(to.durable, "dead").inc()
    await message.ack()


def _delay(message: Message) -> float:
    """Longer with each delivery; the exponent is bounded because an outage may last thousands of them."""
    return float(min(LONGEST, RETRY_AFTER * 2 ** min(message.deliveries - 1, 10)))
