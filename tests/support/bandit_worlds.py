"""Worlds in which the value of a policy is known, and logs of their rounds."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from oo_experiments.ope.log import BanditLog

__all__ = ["TINY_WORLDS", "UNEQUAL_WORLDS", "WORLDS", "World"]


@dataclass(frozen=True)
class World:
    """All tables are (contexts, actions), contexts alike likely; an action that a context lacks has no chance in both.

    `rounds` are a user's, drawn from 1 to twice the mean less 1, or, with a `tail`, Pareto-distributed with that index.
    With `loyal` users each has one context for good, and `effect` is the deviation of what a user adds to every reward.
    With a `spread` rewards are log-normal: their mean times a factor whose logarithm has that deviation.
    """

    name: str
    logging: np.ndarray
    target: np.ndarray
    mean: np.ndarray
    users: int
    rounds: int = 3
    noise: float | None = None  # None: rewards are 0 or 1
    loyal: bool = False
    effect: float = 0.0
    tail: float | None = None
    spread: float | None = None

    @property
    def truth(self):
        return float((self.target * self.mean).sum(axis=1).mean())

    @property
    def wrong(self):
        """A model that is wrong everywhere, and that knows a little."""
        return 0.5 * self.mean + np.cos(np.arange(self.mean.size)).reshape(self.mean.shape) / 5

    def sizes(self, draw):
        """(users,) Rounds of each."""
        if self.tail is None:
            return draw.integers(1, 2 * self.rounds, self.users)
        return np.floor(self.rounds * draw.random(self.users) ** (-1 / self.tail)).astype(int)

    def log(self, draw, model):
        return next(self.logs(draw, model))

    def logs(self, draw, *models):
        """The same rounds with each model's predictions."""
        user = np.repeat(np.arange(self.users), self.sizes(draw))
        contexts = len(self.mean)
        context = (
            draw.integers(contexts, size=self.users)[user] if self.loyal else draw.integers(contexts, size=len(user))
        )
        below = self.logging.cumsum(axis=1)[context] < draw.random(len(user))[:, None] * (1 - 1e-12)
        action = below.sum(axis=1)
        mean = self.mean[context, action]
        if self.spread is not None:
            reward = mean * np.exp(draw.normal(-(self.spread**2) / 2, self.spread, len(user)))
        elif self.noise is None:
            reward = (draw.random(len(user)) < mean).astype(float)
        else:
            reward = mean + draw.normal(0, self.noise, len(user)) + draw.normal(0, self.effect, self.users)[user]
        for model in models:
            yield BanditLog(
                user=user,
                users=self.users,
                action=action,
                propensity=self.logging[context, action],
                reward=reward,
                target=self.target[context, action],
                distribution=self.target[context],
                predicted=model[context],
            )


def _softmax(values, temperature):
    odds = np.exp((values - values.max(axis=1, keepdims=True)) / temperature)
    return odds / odds.sum(axis=1, keepdims=True)


def _greedy(values, epsilon):
    chances = np.full(values.shape, epsilon / values.shape[1])
    chances[np.arange(len(values)), values.argmax(axis=1)] += 1 - epsilon
    return chances


def _among(able, chances):
    held = np.where(able, chances, 0.0)
    return held / held.sum(axis=1, keepdims=True)


def _worlds():
    draw = np.random.default_rng(20)
    q = draw.uniform(0.1, 0.9, (6, 4))
    even = np.full(q.shape, 1 / 4)
    yield World("uniform logging", even, _softmax(q, 0.2), q, users=150)
    yield World("epsilon-greedy logging", _greedy(draw.random(q.shape), 0.4), _greedy(q, 0.0), q, users=300)
    yield World(
        "softmax logging, rewards around and below zero", _softmax(-q, 0.5), _softmax(q, 0.1), 4 * q - 3, 150, 3, 1.0
    )
    rare = np.tile([0.0175, 0.4825, 0.25, 0.25], (6, 1))
    wanted = np.tile([0.9, 0.05, 0.05, 0.0], (6, 1))
    yield World("heavy weights", rare, wanted, q, users=1_800)
    two = q[:, :2]
    yield World("two actions", np.tile([0.7, 0.3], (6, 1)), _greedy(two, 0.1), two, users=150)
    many = draw.uniform(0.0, 0.5, (5, 40))
    yield World("forty actions", np.full(many.shape, 1 / 40), _softmax(many, 0.1), many, users=400)
    able = np.arange(6) < np.array([1, 2, 3, 4, 5, 6])[:, None]
    ragged = np.where(able, draw.uniform(0.1, 0.9, able.shape), 0.0)
    yield World(
        "ragged lists", _among(able, np.ones(able.shape)), _among(able, _softmax(ragged, 0.2)), ragged, users=150
    )
    yield World("rounds of a user hang together", even, _softmax(q, 0.2), q, 200, 8, 0.5, loyal=True, effect=0.7)


def _unequal_worlds():
    """A few users make most of the rounds, or a few rounds most of the sum."""
    draw = np.random.default_rng(20)
    q = draw.uniform(0.1, 0.9, (6, 4))
    even, wanted = np.full(q.shape, 1 / 4), _softmax(q, 0.2)
    habit = {"noise": 0.5, "effect": 0.7}
    yield World("Pareto rounds, 200 users", even, wanted, q, 200, 1, **habit, tail=1.5)
    yield World("Pareto rounds, 1,000 users", even, wanted, q, 1_000, 1, **habit, tail=1.5)
    yield World("Pareto rounds, 200 users, rewards of 0 and 1", even, wanted, q, 200, 2, tail=1.2)
    yield World("Pareto rounds of infinite variance", even, wanted, q, 200, 1, **habit, tail=1.2)
    yield World("32 users of unequal size", even, wanted, q, 32, 4, **habit, tail=2.0)
    floor = _greedy(np.roll(q, 1, axis=1), 0.04)
    floor[:3] = _greedy(q[:3], 0.04)
    yield World("a floor of 0.01, 300 users", floor, _greedy(q, 0.0), q, 300, 10)
    mild = _greedy(np.random.default_rng(3).random(q.shape), 0.04)
    yield World("a floor of 0.01, 300 users, a softer target", mild, wanted, q, 300, 10, 0.5, effect=0.3)
    yield World("a floor of 0.01, 900 users, a softer target", mild, wanted, q, 900, 10, 0.5, effect=0.3)
    chance = np.exp(np.array([NormalDist(-1, 0.8).inv_cdf(share) for share in (np.arange(40) + 0.5) / 40]))
    chance = chance.clip(0.01, 0.99)[:, None]
    first = np.tile([1.0, 0.0], (40, 1))
    ones = np.ones((40, 2))
    yield World("log-normal rewards and weights", np.hstack([chance, 1 - chance]), first, ones, 400, 4, spread=0.8)


def _tiny_worlds():
    """The target wants what is logged by chances down to one in ten thousand, and a common action beside it."""
    q = np.random.default_rng(20).uniform(0.1, 0.9, (6, 4))
    even = np.full(q.shape, 1 / 4)
    yield World("softmax logging, cold", _softmax(-q, 0.1), even, q, 1_000)
    yield World("softmax logging, colder", _softmax(-q, 0.05), even, q, 1_000)
    tenth = 0.9 * _greedy(-q, 0.0) + 0.1 * _softmax(q, 0.1)
    yield World("a floor of 0.001, a tenth of the target on it", _greedy(-q, 0.004), tenth, q, 1_000)
    yield World("a floor of 0.0001, a tenth of the target on it", _greedy(-q, 0.0004), tenth, q, 1_000)


WORLDS = tuple(_worlds())
UNEQUAL_WORLDS = tuple(_unequal_worlds())
TINY_WORLDS = tuple(_tiny_worlds())
