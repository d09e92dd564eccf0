"""What each prompt version is worth, though a bandit drew the better ones more often, and what it costs.

Rewards are weighted by the chances of the draws (`oo_experiments.ope.arms`). Calls that named their version, and draws
in which only one version had a chance, teach nothing about how versions differ: they are set aside and counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from oo_contracts.events import PromptDraw
from oo_contracts.rounds import State
from oo_experiments.ope.arms import ArmMean, arm_means

from oo_pipelines.report.measured import Spread, spread
from oo_pipelines.report.played import Tip

__all__ = ["Prompts", "Version", "prompts"]


@dataclass(frozen=True, slots=True)
class Version:
    """One prompt version.

    `drawn`, `certain` (drawn, but without an alternative) and `forced` (named by the caller) are its tips; `closed`,
    `shown` and `unseen` the states of the drawn ones. `reward` is of these, weighted by their chances; `naive_reward`
    is the plain mean over all its closed tips, however they came about. Costs are of all its tips.
    """

    version: str
    drawn: int
    certain: int
    forced: int
    closed: int
    shown: int
    unseen: int
    reward: ArmMean | None
    naive_reward: float | None
    latency_ms: Spread | None
    prompt_tokens: float
    completion_tokens: float
    fallbacks: Mapping[str, int]
    fallback_rate: float
    invalid_output_rate: float


@dataclass(frozen=True, slots=True)
class Prompts:
    """All versions, by name; `users` of the drawn and closed tips that rewards are from."""

    versions: tuple[Version, ...]
    users: int
    last_closes_at: datetime | None


def prompts(tips: Sequence[Tip], since: datetime | None = None) -> Prompts:
    """Of tips in order of time."""
    some = [tip for tip in tips if since is None or tip.event.decided_at >= since]
    drawn = [tip for tip in some if _draw(tip) is not None]
    closed = [tip for tip in drawn if tip.outcome.reward is not None]
    rewards = _rewards(closed)
    names = sorted({tip.event.prompt_version for tip in some} | {name for tip in drawn for name in _chances(tip)})
    closing = [tip.outcome.closes_at for tip in drawn if tip.outcome.state is State.SHOWN and tip.outcome.closes_at]
    return Prompts(
        versions=tuple(_version(name, some, rewards.get(name)) for name in names),
        users=len({tip.event.user_id for tip in closed}),
        last_closes_at=max(closing, default=None),
    )


def _draw(of: Tip) -> PromptDraw | None:
    """The draw, if another version could have come out of it."""
    return of.event.draw if of.event.draw is not None and of.event.draw.propensity < 1 else None


def _chances(of: Tip) -> Mapping[str, float]:
    draw = _draw(of)
    return dict(zip(draw.versions, draw.propensities, strict=True)) if draw else {}


def _rewards(closed: Sequence[Tip]) -> Mapping[str, ArmMean | None]:
    if not closed:
        return {}
    chances = [_chances(tip) for tip in closed]
    names = sorted({name for each in chances for name in each})
    found = arm_means(
        np.array([names.index(tip.event.prompt_version) for tip in closed]),
        np.array([[each.get(name, 0.0) for name in names] for each in chances]),
        np.array([tip.outcome.reward for tip in closed], float),
        np.unique([tip.event.user_id for tip in closed], return_inverse=True)[1],
    )
    return dict(zip(names, found, strict=True))


def _version(name: str, tips: Sequence[Tip], reward: ArmMean | None) -> Version:
    ours = [tip for tip in tips if tip.event.prompt_version == name]
    drawn = [tip for tip in ours if _draw(tip) is not None]
    states = Counter(tip.outcome.state for tip in drawn)
    fallbacks = Counter(tip.event.fallback for tip in ours if tip.event.fallback is not None)
    naive = [tip.outcome.reward for tip in ours if tip.outcome.reward is not None]
    count = max(len(ours), 1)
    return Version(
        version=name,
        drawn=len(drawn),
        certain=sum(tip.event.draw is not None for tip in ours) - len(drawn),
        forced=sum(tip.event.draw is None for tip in ours),
        closed=states[State.CLOSED],
        shown=states[State.SHOWN],
        unseen=states[State.OPEN],
        reward=reward,
        naive_reward=float(np.mean(naive)) if naive else None,
        latency_ms=spread(tip.event.latency_ms for tip in ours),
        prompt_tokens=sum(tip.event.usage.prompt_tokens for tip in ours) / count,
        completion_tokens=sum(tip.event.usage.completion_tokens for tip in ours) / count,
        fallbacks=dict(sorted(fallbacks.items())),
        fallback_rate=sum(fallbacks.values()) / count,
        invalid_output_rate=fallbacks["invalid_output"] / count,
    )
