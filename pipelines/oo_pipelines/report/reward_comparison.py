"""The same history by two reward tables: what each policy and variant would have earned, and which pairs change order.

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

from oo_consumers.effect_store import Store
from oo_contracts.reward_table import RewardTable
from oo_decisions.round import Round

__all__ = ["Flip", "Group", "RewardComparison", "compare_rewards"]


@dataclass(frozen=True, slots=True)
class Group:
    """Closed rounds of one policy in one variant by either table; a mean is None where a table closes no round yet."""

    policy: str
    variant: str
    rounds: tuple[int, int]
    mean: tuple[float | None, float | None]


@dataclass(frozen=True, slots=True)
class Flip:
    """A pair that changes order: by the first table `better` earned more than `worse`, by the second less."""

    better: str
    worse: str


@dataclass(frozen=True, slots=True)
class RewardComparison:
    """Both tables over all closed rounds; `changed` rounds are closed in both and have another reward."""

    tables: tuple[str, str]
    rounds: tuple[int, int]
    changed: int
    groups: tuple[Group, ...]
    flips: tuple[Flip, ...]


@dataclass(slots=True)
class _RewardSums:
    """Rewards by one table, by group and by request."""

    by_group: dict[tuple[str, str], list[float]] = field(default_factory=lambda: defaultdict(list))
    by_request: dict[str, float] = field(default_factory=dict)


def compare_rewards(store: Store, now: datetime, left: RewardTable, right: RewardTable) -> RewardComparison:
    """Revalue all of history by two tables.

    Raises:
        StoreError: the database refused or cannot be reached.
    """
    earned = tuple(_earned(store.rounds(now, table)) for table in (left, right))
    first, second = earned
    both = first.by_request.keys() & second.by_request.keys()
    keys = sorted({key for item in earned for key in item.by_group})
    groups = tuple(_group(key, [item.by_group.get(key, []) for item in earned]) for key in keys)
    return RewardComparison(
        tables=(left.version, right.version),
        rounds=(len(first.by_request), len(second.by_request)),
        changed=sum(first.by_request[key] != second.by_request[key] for key in both),
        groups=groups,
        flips=tuple(_flips(groups)),
    )


def _earned(rounds: Iterator[Round]) -> _RewardSums:
    sums = _RewardSums()
    for closed_round in rounds:
        decision = closed_round.decision
        variant = f"{decision.experiment.key}/{decision.experiment.variant}" if decision.experiment else "no experiment"
        sums.by_group[f"{decision.policy.name} {decision.policy.version}", variant].append(closed_round.reward)
        sums.by_request[decision.request_id] = closed_round.reward
    return sums


def _group(key: tuple[str, str], rewards: Sequence[Sequence[float]]) -> Group:
    left, right = rewards
    return Group(*key, rounds=(len(left), len(right)), mean=(_mean(left), _mean(right)))


def _mean(rewards: Sequence[float]) -> float | None:
    return math.fsum(rewards) / len(rewards) if rewards else None


def _flips(groups: Sequence[Group]) -> Iterator[Flip]:
    for left, right in combinations(groups, 2):
        before, after = (_lead(left.mean[table], right.mean[table]) for table in (0, 1))
        if before * after < 0:
            better, worse = (left, right) if before > 0 else (right, left)
            yield Flip(f"{better.policy}, {better.variant}", f"{worse.policy}, {worse.variant}")


def _lead(left: float | None, right: float | None) -> float:
    return 0.0 if left is None or right is None else left - right
