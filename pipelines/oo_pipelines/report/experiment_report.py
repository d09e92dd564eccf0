"""The results of an experiment so far: each variant's rounds and reward, and how variants differ.

A variant's rounds are its own by assignment, so plain means over them are right: within it a policy acts by its own
propensities, and nothing has to be weighted. Only closed rounds have a reward; the others are counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

import numpy as np
from oo_decisions.round import RoundState
from oo_experiments.assignment.experiment import HOLDOUT
from oo_experiments.statistics import srm

from oo_pipelines.report.contrast import compare_variants
from oo_pipelines.report.experiment_result import About, ExperimentResult, SampleRatio, VariantReport
from oo_pipelines.report.round_outcomes import LoggedRound
from oo_pipelines.report.summary import count_states, mean_over_users, spread

__all__ = ["experiment_results"]


def experiment_results(
    rounds: Sequence[LoggedRound], about: About, since: datetime | None = None
) -> Iterator[ExperimentResult]:
    """Yield the result of each experiment, the one with the latest round first.

    `rounds` are in order of time. What users earned before an experiment began is its covariate, also where it is
    before `since`.
    """
    last = {item.experiment.key: item.decided_at for item in rounds if item.experiment is not None}
    for key in sorted(last.keys() - {HOLDOUT}, key=last.__getitem__, reverse=True):
        own = [item for item in rounds if item.experiment is not None and item.experiment.key == key]
        shown = [item for item in own if since is None or item.decided_at >= since]
        if shown:
            yield _result(key, about, shown, _held_out(rounds, shown), _past(rounds, own[0].decided_at))


def _held_out(rounds: Iterable[LoggedRound], ours: Sequence[LoggedRound]) -> list[LoggedRound]:
    """Return the holdout's rounds of the same days."""
    return [
        item
        for item in rounds
        if item.experiment is not None
        and item.experiment.key == HOLDOUT
        and ours[0].decided_at <= item.decided_at <= ours[-1].decided_at
    ]


def _past(rounds: Iterable[LoggedRound], until: datetime) -> dict[str, float]:
    """Return each user's mean reward before an instant."""
    rewards_by_user: dict[str, list[float]] = {}
    for item in rounds:
        if item.decided_at < until and item.outcome.reward is not None:
            rewards_by_user.setdefault(item.user_id, []).append(item.outcome.reward)
    return {user: float(np.mean(rewards)) for user, rewards in rewards_by_user.items()}


def _result(
    key: str, about: About, own: list[LoggedRound], held_out: list[LoggedRound], past: Mapping[str, float]
) -> ExperimentResult:
    names = list(dict.fromkeys(name for item in reversed(own) for name in (*_weights(item), _variant(item))))
    by_name = {name: [item for item in own if _variant(item) == name] for name in names}
    if held_out:
        by_name[HOLDOUT] = held_out
    reference, *others = by_name if len(names) > 1 or not held_out else (HOLDOUT, *names)
    closing = [
        item.outcome.closes_at for item in own if item.outcome.state is RoundState.SHOWN and item.outcome.closes_at
    ]
    return ExperimentResult(
        key=key,
        about=about,
        unit=own[-1].assignment.unit if own[-1].assignment else "user",
        first=own[0].decided_at,
        last=own[-1].decided_at,
        variants=tuple(_about(name, rounds) for name, rounds in by_name.items()),
        contrasts=tuple(compare_variants(name, reference, by_name, about, past) for name in others),
        ratio=_ratio(own, names),
        last_closes_at=max(closing, default=None),
    )


def _variant(logged_round: LoggedRound) -> str:
    return logged_round.experiment.variant if logged_round.experiment else ""


def _weights(logged_round: LoggedRound) -> Mapping[str, float]:
    """Return the weights in force when the round was assigned.

    An event older than assignments in events has but its variant.
    """
    return logged_round.assignment.weights if logged_round.assignment else {_variant(logged_round): 1.0}


def _about(name: str, rounds: Sequence[LoggedRound]) -> VariantReport:
    usages = [item.usage for item in rounds if item.usage is not None]
    return VariantReport(
        name=name,
        modes=tuple(sorted({item.assignment.mode for item in rounds if item.assignment})),
        policies=dict(Counter(f"{item.policy.name} {item.policy.version}" for item in rounds).most_common()),
        counts=count_states(rounds),
        reward=mean_over_users([(item.user_id, item.outcome.reward) for item in rounds]),
        latency_ms=spread(item.latency_ms for item in rounds),
        tokens=float(np.mean([usage.prompt_tokens + usage.completion_tokens for usage in usages])) if usages else None,
    )


def _ratio(own: Sequence[LoggedRound], names: Sequence[str]) -> SampleRatio | None:
    """Return the sample ratio by each unit's first round and the weights in force then; None where it cannot be tested.

    How much of the traffic is covered does not matter to those that are.
    """
    first: dict[str, LoggedRound] = {}
    moved = set()
    for item in own:
        if item.assignment is not None:
            unit = item.user_id if item.assignment.unit == "user" else item.request_id
            if _variant(first.setdefault(unit, item)) != _variant(item):
                moved.add(unit)
    if len(names) < 2 or not first:
        return None
    # Weights may have changed in the course: each unit counts with those under which it came.
    chosen = [names.index(_variant(item)) for item in first.values()]
    weights = np.array([[_weights(item).get(name, 0.0) for name in names] for item in first.values()])
    result = srm.by_propensities(chosen, weights / weights.sum(axis=1, keepdims=True))
    return SampleRatio(
        tuple(names), result.observed, result.expected, result.p, result.enough, result.alarm, len(moved)
    )
