"""A world whose truth is known: users, their tasks, and how they really react. Only simulations look in here.

The probability of a reward is logistic in what really matters: how near the hour is to the user's best hour, how soon
the task is due, its priority and length, how diligent the user is, how long the list. Everything is drawn from the
seed, the user and the day, so a day comes out the same however often, and on whichever later day, it is simulated.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from oo_contracts.task import TaskFacts

__all__ = ["Reactions", "Session", "SimulatedUsers", "User", "truth"]

ZONES = ("Europe/Berlin", "Europe/London", "America/New_York", "America/Los_Angeles", "Asia/Kolkata", "Asia/Tokyo")
SEEN_SHARE = 0.65  # share of the chosen tips that were really shown
MAX_REACTION_DELAY = timedelta(hours=20)  # the latest reaction; shorter than the waiting time
Reactions = tuple[tuple[str, datetime], ...]


@dataclass(frozen=True, slots=True)
class User:
    """One simulated user.

    `diligence` and `best_hour` are hidden; the profile is a noisy view of them, or not there at all.
    """

    id: str
    zone: str
    diligence: float
    best_hour: int
    profile: dict[str, float | int] | None


@dataclass(frozen=True, slots=True)
class Session:
    """One instant at which a user asks for a tip, and the user's tasks then."""

    user: User
    request_id: str
    at: datetime
    tasks: tuple[TaskFacts, ...]


def truth(user: User, asked_at: datetime, tasks: tuple[TaskFacts, ...], task: TaskFacts) -> float:
    """Return the true probability that a shown tip about the task is rewarded."""
    local = asked_at.astimezone(ZoneInfo(user.zone))
    hours_apart = abs(local.hour - user.best_hour)
    closeness = math.cos(min(hours_apart, 24 - hours_apart) / 12 * math.pi)
    due = task.due_day(ZoneInfo(user.zone))
    days = (due - local.date()).days if due else 14
    urgency = 1.2 if days < 0 else 1.5 * math.exp(-days / 2)
    load = -0.05 * len(tasks)
    score = (
        -2.2
        + closeness
        + urgency
        + 0.35 * (task.priority - 1)
        - 0.015 * task.content_length
        + 0.9 * user.diligence
        + load
    )
    return 1 / (1 + math.exp(-score))


@dataclass(frozen=True, slots=True)
class SimulatedUsers:
    """A population of `users` people, drawn from `seed`, who see the share `seen` of the tips that are chosen for them.

    `era` only tells request ids apart: rows of another feature set are others.
    """

    seed: int
    users: int
    era: str = ""
    seen: float = SEEN_SHARE

    def people(self) -> list[User]:
        """Return all users, always the same for a seed."""
        return [self._person(number) for number in range(self.users)]

    def _person(self, number: int) -> User:
        draw = random.Random(f"{self.seed}-user-{number}")  # noqa: S311  # a simulation, no secret
        diligence, best = draw.gauss(0, 1), draw.choice((7, 8, 9, 10, 14, 16, 20, 22))
        profile: dict[str, float | int] = {
            "completion_rate_30d": min(1.0, max(0.0, 0.5 + 0.18 * diligence + draw.gauss(0, 0.07))),
            "preferred_hour": (best + draw.choice((-1, 0, 0, 0, 1))) % 24,
            "tip_accept_rate_30d": min(1.0, max(0.0, 0.25 + 0.08 * diligence + draw.gauss(0, 0.05))),
            "tip_volume_7d": draw.randrange(30),
            "snooze_rate_30d": draw.random() * 0.4,
            "active_days_14d": draw.randint(2, 14),
            "tasks_open_avg_7d": round(draw.uniform(3, 15), 1),
            "days_since_signup": draw.randrange(900),
        }
        return User(f"sim-{number}", draw.choice(ZONES), diligence, best, profile if draw.random() > 0.15 else None)

    def sessions(self, user: User, day: date) -> Iterator[Session]:
        """Yield what one user does on one UTC day, in no particular order."""
        draw = random.Random(f"{self.seed}-{user.id}-{day}")  # noqa: S311
        for number in range(draw.choice((1, 2, 2, 3, 4))):
            asked_at = datetime.combine(day, time(draw.randrange(24), draw.randrange(60), draw.randrange(60)), UTC)
            tasks = tuple(_task(draw, day, index) for index in range(draw.randint(3, 12)))
            yield Session(user, f"sim-{self.seed}-{user.id}-{day}-{number}{self.era}", asked_at, tasks)

    def reactions(self, session: Session, task: TaskFacts) -> Reactions:
        """Return what the user does with a tip about the task: nothing at all when it was not shown."""
        draw = random.Random(f"{self.seed}-{session.user.id}-{session.at}-{task.id}")  # noqa: S311
        if draw.random() > self.seen:
            return ()
        shown = session.at + timedelta(seconds=draw.uniform(1, 600))
        later = shown + min(MAX_REACTION_DELAY, timedelta(hours=draw.expovariate(0.5)))
        if draw.random() < truth(session.user, session.at, session.tasks, task):
            return (("shown", shown), (draw.choice(("completed", "completed", "clicked")), later))
        if draw.random() < 0.4:
            return (("shown", shown), (draw.choice(("dismissed", "snoozed")), later))
        return (("shown", shown),)


def _task(draw: random.Random, day: date, index: int) -> TaskFacts:
    due = day + timedelta(days=draw.choice((-3, -1, 0, 0, 1, 2, 5, 9))) if draw.random() < 0.7 else None
    created_at = datetime.combine(day, time(9), UTC) - timedelta(days=draw.randrange(60))
    return TaskFacts(
        id=f"t-{index}",
        priority=draw.choice((1, 1, 1, 2, 3, 4)),
        due=due,
        is_recurring=draw.random() < 0.15,
        created_at=created_at,
        labels=draw.choice((0, 0, 1, 2)),
        content_length=draw.randint(5, 80),
    )
