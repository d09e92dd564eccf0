"""What rewards have taught, as exact sums: no order of arrival, cut into pieces or correction changes a bit of them.

Rewards are integers of 1e-6, contexts integers of 2^-16, and the sums are Python's integers, which do not overflow. So
the fold is a commutative group: `add` and `remove` undo each other, and a late reaction replaces a round's part.
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

__all__ = ["MICRO", "UNIT", "BadBeliefs", "Beliefs", "Contribution", "Linear", "micro", "quantised"]

MICRO = 1_000_000  # of a reward
UNIT = 1 << 16  # of a context's value
LARGEST = 8  # of a reward's size; five reactions of 1 add up to less
MOST = 1 << 48  # rounds: policies tell so many from one more
PIECE = 1 << 13  # rounds: sums of so many products stay below 2^53, where a float is as exact as an integer
Ints = tuple[int, ...]


class BadBeliefs(ValueError):
    """What cannot be taken in, or is not what `to_bytes` writes."""


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one closed round teaches: its arm, its reward, and the chosen row scaled to [0, 1]."""

    arm: str
    reward: float
    context: Sequence[float] | None = None


@dataclass(frozen=True, slots=True)
class Linear:
    """Sums over rounds of a regression: `gram` is the upper triangle, row by row, of Σ x xᵀ, `moment` is Σ x·reward.

    x is the context with an intercept of 1 in front, of length `d`. The units are UNIT² and UNIT·MICRO.
    """

    d: int
    rounds: int
    gram: Ints
    moment: Ints

    def __add__(self, other: Linear) -> Linear:
        if self.d != other.d:
            raise BadBeliefs(f"contexts of {other.d - 1} values do not go with contexts of {self.d - 1}")
        gram, moment = tuple(map(add, self.gram, other.gram)), tuple(map(add, self.moment, other.moment))
        return Linear(self.d, self.rounds + other.rounds, gram, moment)

    def __neg__(self) -> Linear:
        return Linear(self.d, -self.rounds, tuple(map(neg, self.gram)), tuple(map(neg, self.moment)))

    def __bool__(self) -> bool:
        return bool(self.rounds) or any(self.gram) or any(self.moment)


@dataclass(frozen=True, slots=True)
class Beliefs:
    """`arms` has the rounds and the sum of rewards (in MICRO) of each; `linear` is None where no round had a context.

    >>> late = Contribution("v2", 0.0), Contribution("v2", 1.0)
    >>> Beliefs().add(late[0]).remove(late[0]).add(late[1]).arms
    {'v2': (1, 1000000)}
    """

    arms: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    linear: Linear | None = None

    def add(self, *parts: Contribution) -> Self:
        """With more rounds.

        Raises:
            BadBeliefs: a reward or a context that is no number or out of its bounds, or contexts of another length.
        """
        return self.merge(self.of(parts))

    def remove(self, *parts: Contribution) -> Self:
        """Without rounds that were, or will be, added; a correction adds the new ones in the same write."""
        return self.merge(-self.of(parts))

    def merge(self, other: Beliefs) -> Self:
        """What both know together."""
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
    def of(cls, parts: Iterable[Contribution]) -> Self:
        """The fold of many rounds; 100,000 with 24 values each take about a second."""
        found, rest = cls(), iter(parts)
        while piece := tuple(islice(rest, PIECE)):
            arms: dict[str, tuple[int, int]] = {}
            for part in piece:
                rounds, total = arms.get(part.arm, (0, 0))
                arms[part.arm] = (rounds + 1, total + micro(part.reward))
            found = found.merge(Beliefs(arms, _linear(piece)))
        return found

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        found: dict[str, Any] = {"arms": {arm: list(sums) for arm, sums in self.arms.items()}}
        if self.linear:
            linear = self.linear
            found["linear"] = {
                "d": linear.d,
                "rounds": linear.rounds,
                "gram": list(linear.gram),
                "moment": list(linear.moment),
            }
        return found

    @classmethod
    def read(cls, plain: Any) -> Self:
        """What `plain` gave.

        Raises:
            BadBeliefs: it did not give that.
        """
        try:
            arms = {str(arm): (_count(rounds), _whole(total)) for arm, (rounds, total) in plain["arms"].items()}
            return cls(arms, _read_linear(plain["linear"]) if "linear" in plain else None)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise BadBeliefs(f"these are no beliefs: {error!r}") from None

    def to_bytes(self) -> bytes:
        """The one text of these beliefs: equal beliefs have equal bytes."""
        return json.dumps(self.plain(), sort_keys=True, separators=(",", ":")).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Raises BadBeliefs, as `read` does."""
        try:
            return cls.read(json.loads(data))
        except (UnicodeDecodeError, json.JSONDecodeError) as error:
            raise BadBeliefs(f"these are no beliefs: {error!r}") from None

    @property
    def digest(self) -> str:
        """SHA-256 of the bytes."""
        return hashlib.sha256(self.to_bytes()).hexdigest()


def micro(reward: float) -> int:
    """A reward in integers of 1e-6."""
    if not -LARGEST <= reward <= LARGEST:
        raise BadBeliefs(f"a reward is a number from {-LARGEST} to {LARGEST}, not {reward}")
    return round(reward * MICRO)


def quantised(contexts: ArrayLike) -> NDArray[np.float64]:
    """Rows of integers of 2^-16, an intercept in front: what is learned from is what policies look at.

    `contexts` has the shape (rows, length); values beyond [0, 1] count as 0 or 1.
    """
    rows = np.atleast_2d(np.asarray(contexts, np.float64))
    if np.isnan(rows).any():
        raise BadBeliefs("a context has a value that is no number")
    found = np.full((len(rows), rows.shape[1] + 1), float(UNIT))
    found[:, 1:] = np.rint(np.clip(rows, 0, 1) * UNIT)
    return found


def _linear(parts: Sequence[Contribution]) -> Linear | None:
    """At most PIECE rounds. Each product and partial sum is an integer below 2^53, so no order of adding matters."""
    contexts = [part.context for part in parts if part.context is not None]
    if not contexts:
        return None
    if len(set(map(len, contexts))) > 1:
        raise BadBeliefs(f"contexts have different lengths: {sorted(set(map(len, contexts)))}")
    x = quantised(contexts)
    rewards = np.array([micro(part.reward) for part in parts if part.context is not None], np.float64)
    d = x.shape[1]
    gram = (x.T @ x)[_triangle(d)]
    return Linear(d, len(x), tuple(map(int, gram)), tuple(map(int, rewards @ x)))


@lru_cache(maxsize=8)
def _triangle(d: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    return np.triu_indices(d)


def _whole(value: Any) -> int:
    if type(value) is not int:
        raise BadBeliefs(f"{value!r} is no whole number")
    if abs(value) > MOST * UNIT**2:
        raise BadBeliefs(f"a sum of {value.bit_length()} bits is more than {MOST} rounds add up to")
    return value


def _count(value: Any) -> int:
    """Below 0 where a correction came before what it corrects."""
    if abs(_whole(value)) > MOST:
        raise BadBeliefs(f"{value} rounds are more than {MOST}")
    return int(value)


def _read_linear(plain: Mapping[str, Any]) -> Linear:
    d, rounds = _whole(plain["d"]), _count(plain["rounds"])
    gram, moment = tuple(map(_whole, plain["gram"])), tuple(map(_whole, plain["moment"]))
    if (len(gram), len(moment)) != (d * (d + 1) // 2, d):
        raise BadBeliefs(f"{len(gram)} and {len(moment)} sums do not go with {d} dimensions")
    return Linear(d, rounds, gram, moment)
