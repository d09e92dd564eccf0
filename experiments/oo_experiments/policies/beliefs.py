"""This module sums up what rewards have shown, exactly.

No order of arrival, batching or correction changes a bit of the sums.

Rewards are integers of 1e-6, contexts integers of 2^-16, and the sums are Python's integers, which do not overflow. So
the sums form a commutative group: `add` and `remove` undo each other, and a late reaction replaces a round's part.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from operator import add, neg
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["FIXED_POINT_UNIT", "MICRO", "BadBeliefs", "Beliefs", "Contribution", "LinearSums", "quantise", "to_micro"]

MICRO = 1_000_000  # the integer that stands for a reward of 1
FIXED_POINT_UNIT = 1 << 16  # the integer that stands for a context's value of 1
MAX_ABS_REWARD = 8  # five reactions of 1 each add up to less
MAX_ROUNDS = 1 << 48  # a float still tells this number from the next one
CHUNK_ROUNDS = 1 << 13  # sums of this many products stay below 2^53, where a float is as exact as an integer
Ints = tuple[int, ...]


class BadBeliefs(ValueError):
    """A round cannot be added, or the data is not what `to_bytes` writes."""


@dataclass(frozen=True, slots=True)
class Contribution:
    """The part of one closed round in beliefs: its arm, its reward, and the chosen row scaled to [0, 1]."""

    arm: str
    reward: float
    context: Sequence[float] | None = None


@dataclass(frozen=True, slots=True)
class LinearSums:
    """The sums of a regression over rounds.

    `gram` is the upper triangle, row by row, of Σ x xᵀ; `reward_sums` is Σ x·reward.

    x is the context with an intercept of 1 in front, of length `d`. The units are
    FIXED_POINT_UNIT² and FIXED_POINT_UNIT·MICRO.
    """

    d: int
    rounds: int
    gram: Ints
    reward_sums: Ints

    def __add__(self, other: LinearSums) -> LinearSums:
        if self.d != other.d:
            raise BadBeliefs(f"contexts of {other.d - 1} values do not go with contexts of {self.d - 1}")
        gram, reward_sums = tuple(map(add, self.gram, other.gram)), tuple(map(add, self.reward_sums, other.reward_sums))
        return LinearSums(self.d, self.rounds + other.rounds, gram, reward_sums)

    def __neg__(self) -> LinearSums:
        return LinearSums(self.d, -self.rounds, tuple(map(neg, self.gram)), tuple(map(neg, self.reward_sums)))

    def __bool__(self) -> bool:
        return bool(self.rounds) or any(self.gram) or any(self.reward_sums)


@dataclass(frozen=True, slots=True)
class Beliefs:
    """The sums of all rounds so far.

    `arms` has for each arm the rounds and the sum of rewards (in MICRO); `linear` is None where no round had a context.

    >>> late = Contribution("v2", 0.0), Contribution("v2", 1.0)
    >>> Beliefs().add(late[0]).remove(late[0]).add(late[1]).arms
    {'v2': (1, 1000000)}
    """

    arms: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    linear: LinearSums | None = None

    def add(self, *parts: Contribution) -> Self:
        """Return the beliefs with more rounds.

        Raises:
            BadBeliefs: a reward or a context is no number or out of its bounds, or contexts differ in length.
        """
        return self.merge(self.from_contributions(parts))

    def remove(self, *parts: Contribution) -> Self:
        """Return the beliefs without rounds that were, or will be, added.

        A correction removes the old rounds and adds the new ones in the same write.
        """
        return self.merge(-self.from_contributions(parts))

    def merge(self, other: Beliefs) -> Self:
        """Return the sums of both beliefs together.

        Raises:
            BadBeliefs: their contexts differ in length.
        """
        arms = dict(self.arms)
        for arm, (rounds, total) in other.arms.items():
            before = arms.get(arm, (0, 0))
            arms[arm] = (before[0] + rounds, before[1] + total)
        linear = self.linear + other.linear if self.linear and other.linear else self.linear or other.linear
        return type(self)({arm: sums for arm, sums in arms.items() if any(sums)}, linear or None)

    def __neg__(self) -> Self:
        arms = {arm: (-rounds, -total) for arm, (rounds, total) in self.arms.items()}
        return type(self)(arms, -self.linear if self.linear else None)

    @classmethod
    def from_contributions(cls, parts: Iterable[Contribution]) -> Self:
        """Return the beliefs of many rounds; 100,000 with 24 values each take about a second.

        Raises:
            BadBeliefs: a reward or a context is no number or out of its bounds, or contexts differ in length.
        """
        beliefs, rest = cls(), iter(parts)
        while chunk := tuple(islice(rest, CHUNK_ROUNDS)):
            arms: dict[str, tuple[int, int]] = {}
            for part in chunk:
                rounds, total = arms.get(part.arm, (0, 0))
                arms[part.arm] = (rounds + 1, total + to_micro(part.reward))
            beliefs = beliefs.merge(Beliefs(arms, _linear(chunk)))
        return beliefs

    def to_plain(self) -> dict[str, Any]:
        """Return the beliefs as values of JSON."""
        plain: dict[str, Any] = {"arms": {arm: list(sums) for arm, sums in self.arms.items()}}
        if self.linear:
            linear = self.linear
            plain["linear"] = {
                "d": linear.d,
                "rounds": linear.rounds,
                "gram": list(linear.gram),
                "moment": list(linear.reward_sums),
            }
        return plain

    @classmethod
    def from_plain(cls, plain: Any) -> Self:
        """Return the beliefs that `to_plain` returned as values of JSON.

        Raises:
            BadBeliefs: the data does not have that form.
        """
        try:
            arms = {str(arm): (_count(rounds), _whole(total)) for arm, (rounds, total) in plain["arms"].items()}
            return cls(arms, _read_linear(plain["linear"]) if "linear" in plain else None)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise BadBeliefs(f"these are no beliefs: {error!r}") from None

    def to_bytes(self) -> bytes:
        """Return the beliefs as JSON; equal beliefs have equal bytes."""
        return json.dumps(self.to_plain(), sort_keys=True, separators=(",", ":")).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Return the beliefs that `to_bytes` returned as JSON.

        Raises:
            BadBeliefs: the data does not have that form.
        """
        try:
            return cls.from_plain(json.loads(data))
        except (UnicodeDecodeError, json.JSONDecodeError) as error:
            raise BadBeliefs(f"these are no beliefs: {error!r}") from None

    @property
    def digest(self) -> str:
        """The SHA-256 of the bytes, in hexadecimal."""
        return hashlib.sha256(self.to_bytes()).hexdigest()


def to_micro(reward: float) -> int:
    """Return a reward in integers of 1e-6.

    Raises:
        BadBeliefs: the reward is no number or out of its bounds.
    """
    if not -MAX_ABS_REWARD <= reward <= MAX_ABS_REWARD:
        raise BadBeliefs(f"a reward is a number from {-MAX_ABS_REWARD} to {MAX_ABS_REWARD}, not {reward}")
    return round(reward * MICRO)


def quantise(contexts: ArrayLike) -> NDArray[np.float64]:
    """Return contexts as rows of integers of 2^-16 with an intercept in front, shape (rows, length + 1).

    Learning and policies both read this form, so that what is learned from is what is decided by. `contexts` has the
    shape (rows, length); values beyond [0, 1] count as 0 or 1.

    Raises:
        BadBeliefs: a value is no number.
    """
    rows = np.atleast_2d(np.asarray(contexts, np.float64))
    if np.isnan(rows).any():
        raise BadBeliefs("a context has a value that is no number")
    quantised = np.full((len(rows), rows.shape[1] + 1), float(FIXED_POINT_UNIT))
    quantised[:, 1:] = np.rint(np.clip(rows, 0, 1) * FIXED_POINT_UNIT)
    return quantised


def _linear(parts: Sequence[Contribution]) -> LinearSums | None:
    """Return the sums of at most CHUNK_ROUNDS rounds.

    Each product and partial sum is an integer below 2^53, which a float holds exactly, so no order of adding matters.
    """
    contexts = [part.context for part in parts if part.context is not None]
    if not contexts:
        return None
    if len(set(map(len, contexts))) > 1:
        raise BadBeliefs(f"contexts have different lengths: {sorted(set(map(len, contexts)))}")
    x = quantise(contexts)
    rewards = np.array([to_micro(part.reward) for part in parts if part.context is not None], np.float64)
    d = x.shape[1]
    gram = (x.T @ x)[_triangle(d)]
    return LinearSums(d, len(x), tuple(map(int, gram)), tuple(map(int, rewards @ x)))


@lru_cache(maxsize=8)
def _triangle(d: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    return np.triu_indices(d)


def _whole(value: Any) -> int:
    if type(value) is not int:
        raise BadBeliefs(f"{value!r} is no whole number")
    if abs(value) > MAX_ROUNDS * FIXED_POINT_UNIT**2:
        raise BadBeliefs(f"a sum of {value.bit_length()} bits is more than {MAX_ROUNDS} rounds add up to")
    return value


def _count(value: Any) -> int:
    """Return a number of rounds; it is below 0 where a correction arrived before what it corrects."""
    if abs(_whole(value)) > MAX_ROUNDS:
        raise BadBeliefs(f"{value} rounds are more than {MAX_ROUNDS}")
    return int(value)


def _read_linear(plain: Mapping[str, Any]) -> LinearSums:
    d, rounds = _whole(plain["d"]), _count(plain["rounds"])
    gram, reward_sums = tuple(map(_whole, plain["gram"])), tuple(map(_whole, plain["moment"]))
    if (len(gram), len(reward_sums)) != (d * (d + 1) // 2, d):
        raise BadBeliefs(f"{len(gram)} and {len(reward_sums)} sums do not go with {d} dimensions")
    return LinearSums(d, rounds, gram, reward_sums)
