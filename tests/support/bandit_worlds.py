"""Worlds in which the value of a policy is known, and logs of their rounds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from oo_experiments.ope.log import Log

__all__ = ["WORLDS", "World"]


@dataclass(frozen=True)
class World:
    """All tables are (contexts, actions), contexts alike likely; an action that a context lacks has no chance in both.

    `rounds` are a user's, drawn from 1 to twice the mean less 1. With `loyal` users each has one context for good, and
    `effect` is the deviation of what a user adds to every reward.
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

    @property
    def truth(self):
        return float((self.target * self.mean).sum(axis=1).mean())

    @property
    def wrong(self):
        """A model that is wrong everywhere, and that knows a little."""
        return 0.5 * self.mean + np.cos(np.arange(self.mean.size)).reshape(self.mean.shape) / 5

    def log(self, draw, model):
        user = np.repeat(np.arange(self.users), draw.integers(1, 2 * self.rounds, self.users))
        contexts = len(self.mean)
        context = (
            draw.integers(contexts, size=self.users)[user] if self.loyal else draw.integers(contexts, size=len(user))
        )
        below = self.logging.cumsum(axis=1)[context] < draw.random(len(user))[:, None] * (1 - 1e-12)
        action = below.sum(axis=1)
        mean = self.mean[context, action]
        if self.noise is None:
            reward = (draw.random(len(user)) < mean).astype(float)
        else:
            reward = mean + draw.normal(0, self.noise, len(user)) + draw.normal(0, self.effect, self.users)[user]
        return Log(
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


WORLDS = tuple(_worlds())
