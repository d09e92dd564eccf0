"""The value of each prompt version, though a bandit chose the better ones more often, and what it costs.

Rewards are weighted by the propensities (`oo_experiments.ope.arm_means`). Calls that named their version, and choices
in which only one version was possible, teach nothing about how versions differ: they are excluded and counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from oo_contracts.events import PromptAssignment
from oo_decisions.round import RoundState
from oo_experiments.ope.arm_means import ArmMean, arm_means

from oo_pipelines.report.round_outcomes import LoggedTip
from oo_pipelines.report.summary import Spread, spread

__all__ = ["PromptReport", "PromptVersionReport", "prompts"]


@dataclass(frozen=True, slots=True)
class PromptVersionReport:
    """One prompt version.

    `drawn`, `certain` (drawn, but without an alternative) and `forced` (named by the caller) are its tips; `closed`,
    `shown` and `unseen` the states of the drawn ones. `reward` is of these, weighted by their propensities;
    `naive_reward` is the plain mean over all its closed tips, however they came about. Costs are of all its tips.
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
class PromptReport:
    """All versions, by name; `users` are those of the drawn and closed tips that rewards are from."""

    versions: tuple[PromptVersionReport, ...]
    users: int
    last_closes_at: datetime | None


def prompts(tips: Sequence[LoggedTip], since: datetime | None = None) -> PromptReport:
    """Return the report of tips, which are in order of time."""
    recent = [tip for tip in tips if since is None or tip.event.decided_at >= since]
    drawn = [tip for tip in recent if _draw(tip) is not None]
    closed = [tip for tip in drawn if tip.outcome.reward is not None]
    rewards = _rewards(closed)
    names = sorted(
        {tip.event.prompt_version for tip in recent} | {name for tip in drawn for name in _propensities(tip)}
    )
    closing = [
        tip.outcome.closes_at for tip in drawn if tip.outcome.state is RoundState.SHOWN and tip.outcome.closes_at
    ]
    return PromptReport(
        versions=tuple(_version(name, recent, rewards.get(name)) for name in names),
        users=len({tip.event.user_id for tip in closed}),
        last_closes_at=max(closing, default=None),
    )


def _draw(tip: LoggedTip) -> PromptAssignment | None:
    """Return the choice of the version, if another version could have been chosen."""
    return tip.event.draw if tip.event.draw is not None and tip.event.draw.propensity < 1 else None


def _propensities(tip: LoggedTip) -> Mapping[str, float]:
    draw = _draw(tip)
    return dict(zip(draw.versions, draw.propensities, strict=True)) if draw else {}


def _rewards(closed: Sequence[LoggedTip]) -> Mapping[str, ArmMean | None]:
    if not closed:
        return {}
    propensities = [_propensities(tip) for tip in closed]
    names = sorted({name for by_version in propensities for name in by_version})
    means = arm_means(
        np.array([names.index(tip.event.prompt_version) for tip in closed]),
        np.array([[by_version.get(name, 0.0) for name in names] for by_version in propensities]),
        np.array([tip.outcome.reward for tip in closed], float),
        np.unique([tip.event.user_id for tip in closed], return_inverse=True)[1],
    )
    return dict(zip(names, means, strict=True))


def _version(name: str, tips: Sequence[LoggedTip], reward: ArmMean | None) -> PromptVersionReport:
    own = [tip for tip in tips if tip.event.prompt_version == name]
    drawn = [tip for tip in own if _draw(tip) is not None]
    states = Counter(tip.outcome.state for tip in drawn)
    fallbacks = Counter(tip.event.fallback for tip in own if tip.event.fallback is not None)
    naive = [tip.outcome.reward for tip in own if tip.outcome.reward is not None]
    count = max(len(own), 1)
    return PromptVersionReport(
        version=name,
        drawn=len(drawn),
        certain=sum(tip.event.draw is not None for tip in own) - len(drawn),
        forced=sum(tip.event.draw is None for tip in own),
        closed=states[RoundState.CLOSED],
        shown=states[RoundState.SHOWN],
        unseen=states[RoundState.OPEN],
        reward=reward,
        naive_reward=float(np.mean(naive)) if naive else None,
        latency_ms=spread(tip.event.latency_ms for tip in own),
        prompt_tokens=sum(tip.event.usage.prompt_tokens for tip in own) / count,
        completion_tokens=sum(tip.event.usage.completion_tokens for tip in own) / count,
        fallbacks=dict(sorted(fallbacks.items())),
        fallback_rate=sum(fallbacks.values()) / count,
        invalid_output_rate=fallbacks["invalid_output"] / count,
    )
