"""A past of the world as events in JetStream: what the transformer, the recommender and the users would have sent.

Rows come from the same feature set and choices from the same `decide` as online; only reactions come from the truth.
Event ids are made from the seed, so simulating again publishes nothing new.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import nats
from nats.aio.client import Client
from nats.js.errors import NotFoundError
from oo_consumers import streams
from oo_consumers.subscription import SUBSCRIPTIONS
from oo_contracts import subjects
from oo_contracts.checksums import with_checksums
from oo_contracts.events import Event, Feedback, ScoreDecision, Signal
from oo_contracts.score import NO_MODEL
from oo_contracts.task import TaskFacts
from oo_contracts.task_columns import CandidateColumns
from oo_decisions.ranking import ModelPrediction, RankingInputs, rank
from oo_decisions.ranking_decision import RankingDecision
from oo_experiments.assignment.assignment import ActiveExperiments
from oo_experiments.policies.policy import Uniform
from oo_features.feature_context import FeatureContext
from oo_features.feature_sets import RANKER_V1

from oo_pipelines.progress_bar import Progress
from oo_pipelines.settings import PipelineSettings
from oo_pipelines.simulation.simulated_users import Session, SimulatedUsers

__all__ = ["ERA", "NotConsumed", "Simulation", "SimulationCounts", "run"]

log = logging.getLogger(__name__)

NAMESPACE = uuid.UUID("6f6f2d6d-6c00-4000-8000-73696d756c61")
ERA = f"-{RANKER_V1.fingerprint[:8]}"  # in request ids: with new features the same past is other rounds
LOGGING_POLICY = Uniform()  # the first week chooses at random, so that everything can be learnt from it
NO_EXPERIMENTS = ActiveExperiments()
MAX_IN_FLIGHT = 512  # messages that wait for their acknowledgement together
DUPLICATE_EVERY = 29  # every feedback whose index is a multiple of this is delivered twice
Sent = tuple[str, Event]


class NotConsumed(Exception):
    """The consumers did not take all events in time."""


@dataclass(frozen=True, slots=True)
class SimulationCounts:
    """The numbers of published events."""

    decisions: int
    feedback: int
    signals: int


@dataclass(frozen=True, slots=True)
class Simulation:
    """The events of `days` whole UTC days.

    The last ends a day before today, so that every round's waiting time is over.
    """

    world: SimulatedUsers
    now: datetime
    days: int

    def events(self) -> Iterator[Sent]:
        """Yield every event with its subject, by day and user."""
        last = self.now.date() - timedelta(days=2)
        for days_back in reversed(range(self.days)):
            for user in self.world.people():
                for session in self.world.sessions(user, last - timedelta(days=days_back)):
                    yield from self._round(session)

    def _round(self, session: Session) -> Iterator[Sent]:
        opened = Signal(
            event_id=_id(session.request_id, "opened"),
            user_id=session.user.id,
            type="app_opened",
            occurred_at=session.at,
        )
        yield subjects.signal_subject("app_opened"), opened
        decision, task = _decision(session)
        yield subjects.decision_subject("score"), decision
        for reaction, occurred_at in self.world.reactions(session, task):
            yield subjects.feedback_subject(reaction), _feedback(session, decision, reaction, occurred_at)


def _decision(session: Session) -> tuple[ScoreDecision, TaskFacts]:
    """Return the decision as the transformer would have logged it, and the task it chose."""
    context = FeatureContext.at(session.at, session.user.zone, session.tasks, session.user.profile, None)
    candidates = CandidateColumns.of_open_tasks(context.tasks)
    rows = RANKER_V1.rows(context, candidates)
    prediction = ModelPrediction((0.0,) * len(candidates), NO_MODEL, None)
    inputs = RankingInputs(session.request_id, session.user.id, None, context, candidates, rows, prediction)
    ranking = rank(inputs, RANKER_V1, NO_EXPERIMENTS, LOGGING_POLICY)
    if ranking.decision.index is None:
        raise AssertionError("a session always has tasks")
    event = RankingDecision(inputs, ranking, RANKER_V1.ref).event(_id(session.request_id, "decision")).in_columns()
    return with_checksums(event), session.tasks[ranking.decision.index]


def _feedback(session: Session, decision: ScoreDecision, reaction: str, occurred_at: datetime) -> Feedback:
    return Feedback.model_validate(
        {
            "event_id": _id(session.request_id, reaction),
            "request_id": session.request_id,
            "candidate_id": decision.chosen_id,
            "user_id": session.user.id,
            "reaction": reaction,
            "occurred_at": occurred_at,
        }
    )


def _id(request_id: str, kind: str) -> str:
    return str(uuid.uuid5(NAMESPACE, f"{request_id}/{kind}"))


async def run(
    settings: PipelineSettings, simulation: Simulation, progress: Progress, timeout_s: float = 120
) -> SimulationCounts:
    """Publish everything, then wait until the consumers have taken it.

    Raises:
        NotConsumed: they had not after `timeout_s` seconds; the events are in the streams and will be taken later.
        nats.errors.Error, OSError: there is no NATS.
    """
    connection = await nats.connect(
        settings.nats_url, max_reconnect_attempts=3, connect_timeout=5, error_cb=_ignore_error
    )
    try:
        await streams.ensure_streams(connection.jetstream())
        published = await _publish(connection, list(simulation.events()), progress)
        await _consumed(connection, progress, timeout_s)
    finally:
        await connection.close()
    return published


async def _ignore_error(error: Exception) -> None:
    """Log a failed attempt; when all fail, `connect` raises."""
    log.info("NATS: %r", error)


async def _publish(connection: Client, events: list[Sent], progress: Progress) -> SimulationCounts:
    """Publish windows of events, each acknowledged before the next; some feedback twice, as happens."""
    js = connection.jetstream(timeout=10)
    for start in range(0, len(events), MAX_IN_FLIGHT):
        window = events[start : start + MAX_IN_FLIGHT]
        repeated = [
            item for index, item in enumerate(window) if isinstance(item[1], Feedback) and index % DUPLICATE_EVERY == 0
        ]
        await asyncio.gather(
            *(
                js.publish(subject, event.encode(), headers={"Nats-Msg-Id": event.event_id})
                for subject, event in window
            ),
            *(js.publish(subject, event.encode()) for subject, event in repeated),
        )
        progress("publishing events", min(start + MAX_IN_FLIGHT, len(events)), len(events))
    kinds = [type(event) for _, event in events]
    return SimulationCounts(kinds.count(ScoreDecision), kinds.count(Feedback), kinds.count(Signal))


async def _consumed(connection: Client, progress: Progress, timeout_s: float) -> None:
    end = time.monotonic() + timeout_s
    n_max = 1
    while (n_waiting := await _waiting(connection)) != 0:
        if time.monotonic() > end:
            raise NotConsumed("the consumers have not taken all events; are they running?")
        n_max = max(n_max, n_waiting or 0)
        progress("consuming events", n_max - (n_waiting or n_max), n_max)
        await asyncio.sleep(0.2)
    progress("consuming events", n_max, n_max)


async def _waiting(connection: Client) -> int | None:
    """Return the number of messages not yet settled; None while a durable does not exist."""
    js = connection.jetstream()
    total = 0
    for item in SUBSCRIPTIONS:
        try:
            info = await js.consumer_info(item.stream.name, item.durable)
        except NotFoundError:
            return None
        total += (info.num_pending or 0) + (info.num_ack_pending or 0)
    return total
