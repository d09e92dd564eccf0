"""The same history by two reward tables: what each policy and variant would have earned, and which of them swap places.

Nothing is stored: rewards are derived from reactions whenever rounds are read, so the old report can always be made
again by naming the old table. These are plain means of what happened, not estimates of what would have (`oo-ml ope`).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import combinations

from oo_consumers.store import Store
from oo_contracts.rewards import RewardTable
from oo_contracts.rounds import Round

__all__ = ["Compared", "Flip", "Group", "compare"]


@dataclass(frozen=True, slots=True)
class Group:
    """Closed rounds of one policy in one variant; a mean is None where a table closes none of them yet."""

    policy: str
    variant: str
    rounds: tuple[int, int]
    mean: tuple[float | None, float | None]


@dataclass(frozen=True, slots=True)
class Flip:
    """By the first table `better` earned more than `worse`, by the second less."""

    better: str
    worse: str


@dataclass(frozen=True, slots=True)
class Compared:
    """Both tables over all closed rounds. `changed` rounds are closed in both and have another reward."""

    tables: tuple[str, str]
    rounds: tuple[int, int]
    changed: int
    groups: tuple[Group, ...]
    flips: tuple[Flip, ...]


@dataclass(slots=True)
class _Earned:
    """Rewards of one table, by group and by request."""

    by_group: dict[tuple[str, str], list[float]] = field(default_factory=lambda: defaultdict(list))
    by_request: dict[str, float] = field(default_factory=dict)


def compare(store: Store, now: datetime, one: RewardTable, other: RewardTable) -> Compared:
    """Re-value all of history by two tables.

    Raises:
        StoreError: the database.
    """
    earned = tuple(_earned(store.rounds(now, table)) for table in (one, other))
    first, second = earned
    both = first.by_request.keys() & second.by_request.keys()
    keys = sorted({key for item in earned for key in item.by_group})
    groups = tuple(_group(key, [item.by_group.get(key, []) for item in earned]) for key in keys)
    return Compared(
        tables=(one.version, other.version),
        rounds=(len(first.by_request), len(second.by_request)),
        changed=sum(first.by_request[key] != second.by_request[key] for key in both),
        groups=groups,
        flips=tuple(_flips(groups)),
    )


def _earned(rounds: Iterator[Round]) -> _Earned:
    found = _Earned()
    for item in rounds:
        of = item.decision
        variant = f"{of.experiment.key}/{of.experiment.variant}" if of.experiment else "no experiment"
        found.by_group[f"{of.policy.name} {of.policy.version}", variant].append(item.reward)
        found.by_request[of.request_id] = item.reward
    return found


def _group(key: tuple[str, str], rewards: Sequence[Sequence[float]]) -> Group:
    one, other = rewards
    return Group(*key, rounds=(len(one), len(other)), mean=(_mean(one), _mean(other)))


def _mean(rewards: Sequence[float]) -> float | None:
    return math.fsum(rewards) / len(rewards) if rewards else None


def _flips(groups: Sequence[Group]) -> Iterator[Flip]:
    for one, other in combinations(groups, 2):
        before, after = (_lead(one.mean[at], other.mean[at]) for at in (0, 1))
        if before * after < 0:
            better, worse = (one, other) if before > 0 else (other, one)
            yield Flip(f"{better.policy}, {better.variant}", f"{worse.policy}, {worse.variant}")


def _lead(one: float | None, other: float | None) -> float:
    return 0.0 if one is None or other is None else one - other
