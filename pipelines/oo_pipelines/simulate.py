"""A past of the world as events in JetStream: what the transformer, the recommender and the users would have sent.

Rows come from the same feature set and choices from the same `decide` as online; only reactions come from the truth.
Event ids are made from the seed, so simulating again publishes nothing new.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import nats
from nats.aio.client import Client
from nats.js.errors import NotFoundError
from oo_consumers import streams
from oo_consumers.subscription import SUBSCRIPTIONS
from oo_contracts import subjects
from oo_contracts.events import DecidedCandidate, Event, Feedback, ScoreDecision, Signal
from oo_contracts.score import NO_MODEL, Candidate, PolicyInfo
from oo_contracts.seals import sealed
from oo_contracts.task import TaskFacts
from oo_experiments.choice import Choice
from oo_experiments.policy import Uniform, decide
from oo_features.moment import Moment
from oo_features.sets import RANKER_V1

from oo_pipelines.settings import PipelineSettings
from oo_pipelines.world import Session, World

__all__ = ["ERA", "NotConsumed", "Published", "Simulation", "run"]

log = logging.getLogger(__name__)

NAMESPACE = uuid.UUID("6f6f2d6d-6c00-4000-8000-73696d756c61")
ERA = f"-{RANKER_V1.fingerprint[:8]}"  # in request ids: with new features the same past is other rounds
LOGGED_BY = Uniform()  # the first week chooses at random, so that everything can be learnt from it
WINDOW = 512  # messages under way at once
TWICE = 29  # each so-many-th feedback is delivered twice
Progress = Callable[[str, int, int], None]
Sent = tuple[str, Event]


class NotConsumed(Exception):
    """The consumers did not take all events in time."""


@dataclass(frozen=True, slots=True)
class Published:
    """How much there was."""

    decisions: int
    feedback: int
    signals: int


@dataclass(frozen=True, slots=True)
class Simulation:
    """`days` whole UTC days; the last ends a day before today, so that every round's waiting time is over."""

    world: World
    now: datetime
    days: int

    def events(self) -> Iterator[Sent]:
        """Every event with its subject, by day and user."""
        last = self.now.date() - timedelta(days=2)
        for back in reversed(range(self.days)):
            for user in self.world.people():
                for session in self.world.sessions(user, last - timedelta(days=back)):
                    yield from self._round(session)

    def _round(self, session: Session) -> Iterator[Sent]:
        opened = Signal(
            event_id=_id(session.request_id, "opened"),
            user_id=session.user.id,
            type="app_opened",
            occurred_at=session.at,
        )
        yield subjects.signal("app_opened"), opened
        decision, task = _decided(session)
        yield subjects.decision("score"), decision
        for reaction, at in self.world.reactions(session, task):
            yield subjects.feedback(reaction), _feedback(session, decision, reaction, at)


def _decided(session: Session) -> tuple[ScoreDecision, TaskFacts]:
    """The decision as the transformer would have logged it, and the task it chose."""
    moment = Moment.at(session.at, session.user.zone, session.tasks, session.user.profile, None)
    candidates = [Candidate(id=task.id, task_id=task.id) for task in session.tasks]
    rows = RANKER_V1.rows(moment, candidates)
    drawn = decide(LOGGED_BY, Choice((0.0,) * len(candidates), (True,) * len(candidates), 0), key=session.request_id)
    if drawn.index is None:
        raise AssertionError("a session always has tasks")
    decided = tuple(
        DecidedCandidate(id=item.id, kind=item.kind, task_id=item.task_id, row=row, value=0.0, propensity=chance)
        for item, row, chance in zip(candidates, rows.values, drawn.propensities, strict=True)
    )
    event = ScoreDecision(
        event_id=_id(session.request_id, "decision"),
        request_id=session.request_id,
        user_id=session.user.id,
        decided_at=session.at,
        moment=moment.facts(),
        feature_set=RANKER_V1.ref,
        candidates=decided,
        chosen=candidates[drawn.index].id,
        propensity=drawn.propensity,
        baseline=candidates[0].id,
        model=NO_MODEL,
        policy=PolicyInfo(name=LOGGED_BY.name, version=LOGGED_BY.version),
        fallbacks=rows.fallbacks,
    )
    return sealed(event), session.tasks[drawn.index]


def _feedback(session: Session, decision: ScoreDecision, reaction: str, at: datetime) -> Feedback:
    return Feedback.model_validate(
        {
            "event_id": _id(session.request_id, reaction),
            "request_id": session.request_id,
            "candidate_id": decision.chosen,
            "user_id": session.user.id,
            "reaction": reaction,
            "occurred_at": at,
        }
    )


def _id(request_id: str, what: str) -> str:
    return str(uuid.uuid5(NAMESPACE, f"{request_id}/{what}"))


async def run(
    settings: PipelineSettings, simulation: Simulation, progress: Progress, patience: float = 120
) -> Published:
    """Publish everything, then wait until the consumers have taken it.

    Raises:
        NotConsumed: they had not after `patience` seconds; the events are kept and will be taken later.
        nats.errors.Error, OSError: no NATS.
    """
    connection = await nats.connect(settings.nats_url, max_reconnect_attempts=3, connect_timeout=5, error_cb=_noted)
    try:
        await streams.ensure(connection.jetstream())
        published = await _publish(connection, list(simulation.events()), progress)
        await _consumed(connection, progress, patience)
    finally:
        await connection.close()
    return published


async def _noted(error: Exception) -> None:
    """An attempt in vain; when all are, `connect` raises."""
    log.info("NATS: %r", error)


async def _publish(connection: Client, events: list[Sent], progress: Progress) -> Published:
    """Windows of events, each acknowledged before the next; some feedback twice, as happens."""
    js = connection.jetstream(timeout=10)
    for start in range(0, len(events), WINDOW):
        window = events[start : start + WINDOW]
        again = [item for place, item in enumerate(window) if isinstance(item[1], Feedback) and place % TWICE == 0]
        await asyncio.gather(
            *(js.publish(subject, _data(event), headers={"Nats-Msg-Id": event.event_id}) for subject, event in window),
            *(js.publish(subject, _data(event)) for subject, event in again),
        )
        progress("publishing events", min(start + WINDOW, len(events)), len(events))
    kinds = [type(event) for _, event in events]
    return Published(kinds.count(ScoreDecision), kinds.count(Feedback), kinds.count(Signal))


def _data(event: Event) -> bytes:
    return event.model_dump_json().encode()


async def _consumed(connection: Client, progress: Progress, patience: float) -> None:
    end = time.monotonic() + patience
    most = 1
    while (waiting := await _waiting(connection)) != 0:
        if time.monotonic() > end:
            raise NotConsumed("the consumers have not taken all events; are they running?")
        most = max(most, waiting or 0)
        progress("consuming events", most - (waiting or most), most)
        await asyncio.sleep(0.2)
    progress("consuming events", most, most)


async def _waiting(connection: Client) -> int | None:
    """Messages not yet settled; None while a durable does not exist."""
    js = connection.jetstream()
    total = 0
    for item in SUBSCRIPTIONS:
        try:
            info = await js.consumer_info(item.stream.name, item.durable)
        except NotFoundError:
            return None
        total += (info.num_pending or 0) + (info.num_ack_pending or 0)
    return total
