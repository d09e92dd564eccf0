"""The results of an experiment so far: each variant's rounds and reward, and how variants differ.

A variant's rounds are its own by assignment, so plain means over them are right: within it a policy acts by its own
propensities, and nothing has to be weighted. Only closed rounds have a reward; the others are counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from oo_decisions.round import RoundState
from oo_experiments.assignment.experiment import HOLDOUT
from oo_experiments.statistics import srm
from oo_experiments.statistics.guardrail import Guardrail
from oo_experiments.statistics.guardrail import GuardrailVerdict as Holding
from oo_experiments.statistics.interval import Interval
from oo_experiments.statistics.mean_comparison import MeanDifference, compare_means

from oo_pipelines.report.round_outcomes import LoggedRound
from oo_pipelines.report.summary import Counts, Spread, count_states, mean_over_users, spread

__all__ = [
    "GUARDRAILS",
    "Contrast",
    "ExperimentResult",
    "GuardrailResult",
    "Look",
    "SampleRatio",
    "VariantReport",
    "Verdict",
    "experiment_results",
]

About = Literal["candidates", "prompts"]
Verdict = Literal["better", "worse", "undecided", "too few users"]
GUARDRAILS: Mapping[About, tuple[Guardrail, ...]] = {
    "candidates": (
        Guardrail("feature fallbacks", "lower", 0.01),
        Guardrail("degraded", "lower", 0.01),
        Guardrail("never seen", "lower", 0.02),
    ),
    "prompts": (Guardrail("template tips", "lower", 0.01), Guardrail("never seen", "lower", 0.02)),
}
MAX_LOOKS = 40  # looks in the course of an experiment


@dataclass(frozen=True, slots=True)
class VariantReport:
    """One variant; counts are of all rounds, `reward` is over the closed ones, None where there is no such round."""

    name: str
    modes: tuple[str, ...]
    policies: Mapping[str, int]
    counts: Counts
    reward: Interval | None
    latency_ms: Spread | None
    tokens: float | None


@dataclass(frozen=True, slots=True)
class GuardrailResult:
    """The result of a guardrail: a share of rounds that may not become larger by more than `margin`."""

    metric: str
    margin: float
    difference: MeanDifference
    verdict: Holding


@dataclass(frozen=True, slots=True)
class Look:
    """The difference as it was known from the rounds decided until an instant."""

    at: datetime
    estimate: float
    lower: float
    upper: float


@dataclass(frozen=True, slots=True)
class Contrast:
    """A variant less the reference, in reward per round; `adjusted` is by CUPED, where users have a past."""

    variant: str
    reference: str
    verdict: Verdict
    difference: MeanDifference | None
    adjusted: MeanDifference | None
    guardrails: tuple[GuardrailResult, ...]
    course: tuple[Look, ...]


@dataclass(frozen=True, slots=True)
class SampleRatio:
    """Whether as many units came to each variant as the weights in force say; `moved` units were in two variants."""

    variants: tuple[str, ...]
    observed: tuple[float, ...]
    expected: tuple[float, ...]
    p: float
    enough: bool
    alarm: bool
    moved: int


@dataclass(frozen=True, slots=True)
class ExperimentResult:
    """The results of one experiment; `last_closes_at` is when the last round that is shown by now will be closed."""

    key: str
    about: About
    unit: str
    first: datetime
    last: datetime
    variants: tuple[VariantReport, ...]
    contrasts: tuple[Contrast, ...]
    ratio: SampleRatio | None
    last_closes_at: datetime | None


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
        contrasts=tuple(_contrast(name, reference, by_name, about, past) for name in others),
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


def _contrast(
    name: str, reference: str, by_name: Mapping[str, list[LoggedRound]], about: About, past: Mapping[str, float]
) -> Contrast:
    sides = _VariantPair.of(by_name[name], by_name[reference])
    closed = sides.where([item.outcome.reward is not None for item in sides.rounds])
    reward = np.array([item.outcome.reward for item in closed.rounds], float)
    before = np.array([past.get(item.user_id, np.nan) for item in closed.rounds], float)
    difference = closed.difference(reward)
    known = difference is not None and bool(np.isfinite(before).any())
    return Contrast(
        variant=name,
        reference=reference,
        verdict=_verdict(difference),
        difference=difference,
        adjusted=closed.difference(reward, covariate=before) if known else None,
        guardrails=() if name == HOLDOUT else tuple(_guarded(sides, about)),
        course=tuple(_course(closed, reward)),
    )


@dataclass(frozen=True, slots=True)
class _VariantPair:
    """The rounds of two variants in order of time; `user` and `treated` (rounds,) say whose each was, and on which
    side."""

    rounds: Sequence[LoggedRound]
    user: NDArray[np.int64]
    treated: NDArray[np.bool_]

    @classmethod
    def of(cls, treated: Iterable[LoggedRound], others: Iterable[LoggedRound]) -> _VariantPair:
        both = [*((item, True) for item in treated), *((item, False) for item in others)]
        both.sort(key=lambda pair: pair[0].decided_at)
        user = np.unique([item.user_id for item, _ in both], return_inverse=True)[1]
        return cls([item for item, _ in both], user, np.array([side for _, side in both], bool))

    def where(self, kept: Sequence[bool]) -> _VariantPair:
        indices = np.flatnonzero(kept)
        return _VariantPair(
            [self.rounds[index] for index in indices.tolist()], self.user[indices], self.treated[indices]
        )

    def difference(
        self, value: NDArray[np.float64], *, upto: int | None = None, covariate: NDArray[np.float64] | None = None
    ) -> MeanDifference | None:
        """Return the difference of the means of `value` (rounds,); None where a side has no round."""
        user, treated = self.user[:upto], self.treated[:upto]
        if treated.all() or not treated.any():
            return None
        return compare_means(value[:upto], user, treated, challenger=True, champion=False, covariate=covariate)


def _verdict(difference: MeanDifference | None) -> Verdict:
    """Return the verdict by the interval that holds at every look."""
    if difference is None or not np.isfinite(difference.sequence_upper):
        return "too few users"
    if difference.sequence_lower > 0:
        return "better"
    return "worse" if difference.sequence_upper < 0 else "undecided"


def _guarded(sides: _VariantPair, about: About) -> Iterator[GuardrailResult]:
    happened = {
        "feature fallbacks": [item.fell_back for item in sides.rounds],
        "template tips": [item.fell_back for item in sides.rounds],
        "degraded": [item.degraded for item in sides.rounds],
        "never seen": [item.outcome.state is RoundState.OPEN for item in sides.rounds],
    }
    for guardrail in GUARDRAILS[about]:
        value = np.array(happened[guardrail.metric], float)
        difference = sides.difference(value)
        if difference is not None:
            tested = difference if difference.stderr else _with_one_more(sides, value)
            yield GuardrailResult(guardrail.metric, guardrail.margin, difference, guardrail.verdict(tested))


def _with_one_more(sides: _VariantPair, value: NDArray[np.float64]) -> MeanDifference:
    """Return the difference as if it had happened to one more user of the variant.

    What never happened may yet: this is the rule of three for a share of zero, which has no standard error.
    """
    user, treated = np.append(sides.user, -1), np.append(sides.treated, True)
    return compare_means(np.append(value, 1.0), user, treated, challenger=True, champion=False)


def _course(sides: _VariantPair, reward: NDArray[np.float64]) -> Iterator[Look]:
    """Yield the difference at evenly spaced numbers of rounds, from where the interval becomes finite."""
    count = len(reward)
    for upto in np.unique(np.linspace(0, count, min(MAX_LOOKS, count) + 1, dtype=int)[1:]):
        difference = sides.difference(reward, upto=int(upto))
        if difference is not None and np.isfinite(difference.sequence_upper):
            looked_at = sides.rounds[upto - 1].decided_at
            yield Look(looked_at, difference.estimate, difference.sequence_lower, difference.sequence_upper)


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
