"""What an experiment has shown so far: each variant's rounds and reward, and how variants differ.

A variant's rounds are its own by assignment, so plain means over them are right: within it a policy acts by its own
chances, and nothing has to be weighted. Only closed rounds have a reward; the others are counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from oo_contracts.rounds import State
from oo_experiments import srm
from oo_experiments.comparison import Difference, Guardrail, compare
from oo_experiments.comparison import Verdict as Holding
from oo_experiments.experiment import HOLDOUT
from oo_experiments.ope.interval import Interval

from oo_pipelines.report.measured import Counts, Spread, counted, mean_over_users, spread
from oo_pipelines.report.played import Played

__all__ = ["GUARDRAILS", "Contrast", "Guarded", "Look", "Ratio", "Result", "Variant", "Verdict", "results"]

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
LOOKS = 40  # at most, in the course of an experiment


@dataclass(frozen=True, slots=True)
class Variant:
    """Counts are of all rounds, `reward` is over the closed ones; None where there is nothing to take it from."""

    name: str
    modes: tuple[str, ...]
    policies: Mapping[str, int]
    counts: Counts
    reward: Interval | None
    latency_ms: Spread | None
    tokens: float | None


@dataclass(frozen=True, slots=True)
class Guarded:
    """A share of rounds that may not become larger by more than `margin`."""

    metric: str
    margin: float
    difference: Difference
    verdict: Holding


@dataclass(frozen=True, slots=True)
class Look:
    """The difference as it was known of the rounds decided until then."""

    at: datetime
    estimate: float
    lower: float
    upper: float


@dataclass(frozen=True, slots=True)
class Contrast:
    """A variant less the reference, in reward a round. `adjusted` is by CUPED, where users have a past."""

    variant: str
    reference: str
    verdict: Verdict
    difference: Difference | None
    adjusted: Difference | None
    guardrails: tuple[Guarded, ...]
    course: tuple[Look, ...]


@dataclass(frozen=True, slots=True)
class Ratio:
    """Whether as many units came to each variant as the weights in force say. `moved` units were in two variants."""

    variants: tuple[str, ...]
    observed: tuple[float, ...]
    expected: tuple[float, ...]
    p: float
    enough: bool
    alarm: bool
    moved: int


@dataclass(frozen=True, slots=True)
class Result:
    """`last_closes_at` is when the last round that is shown by now will be closed."""

    key: str
    about: About
    unit: str
    first: datetime
    last: datetime
    variants: tuple[Variant, ...]
    contrasts: tuple[Contrast, ...]
    ratio: Ratio | None
    last_closes_at: datetime | None


def results(rounds: Sequence[Played], about: About, since: datetime | None = None) -> Iterator[Result]:
    """An entry for each experiment, the one with the latest round first. `rounds` are in order of time.

    What users earned before an experiment began is its covariate, also where it is before `since`.
    """
    last = {item.experiment.key: item.decided_at for item in rounds if item.experiment is not None}
    for key in sorted(last.keys() - {HOLDOUT}, key=last.__getitem__, reverse=True):
        ours = [item for item in rounds if item.experiment is not None and item.experiment.key == key]
        shown = [item for item in ours if since is None or item.decided_at >= since]
        if shown:
            yield _result(key, about, shown, _held_out(rounds, shown), _past(rounds, ours[0].decided_at))


def _held_out(rounds: Iterable[Played], ours: Sequence[Played]) -> list[Played]:
    """The holdout's rounds of the same days."""
    return [
        item
        for item in rounds
        if item.experiment is not None
        and item.experiment.key == HOLDOUT
        and ours[0].decided_at <= item.decided_at <= ours[-1].decided_at
    ]


def _past(rounds: Iterable[Played], until: datetime) -> dict[str, float]:
    """Each user's mean reward before an instant."""
    found: dict[str, list[float]] = {}
    for item in rounds:
        if item.decided_at < until and item.outcome.reward is not None:
            found.setdefault(item.user_id, []).append(item.outcome.reward)
    return {user: float(np.mean(rewards)) for user, rewards in found.items()}


def _result(key: str, about: About, ours: list[Played], held_out: list[Played], past: Mapping[str, float]) -> Result:
    names = list(dict.fromkeys(name for item in reversed(ours) for name in (*_weights(item), _variant(item))))
    by_name = {name: [item for item in ours if _variant(item) == name] for name in names}
    if held_out:
        by_name[HOLDOUT] = held_out
    reference, *others = by_name if len(names) > 1 or not held_out else (HOLDOUT, *names)
    closing = [item.outcome.closes_at for item in ours if item.outcome.state is State.SHOWN and item.outcome.closes_at]
    return Result(
        key=key,
        about=about,
        unit=ours[-1].assignment.unit if ours[-1].assignment else "user",
        first=ours[0].decided_at,
        last=ours[-1].decided_at,
        variants=tuple(_about(name, rounds) for name, rounds in by_name.items()),
        contrasts=tuple(_contrast(name, reference, by_name, about, past) for name in others),
        ratio=_ratio(ours, names),
        last_closes_at=max(closing, default=None),
    )


def _variant(of: Played) -> str:
    return of.experiment.variant if of.experiment else ""


def _weights(of: Played) -> Mapping[str, float]:
    """In force when it was assigned; an event older than assignments in events has but its variant."""
    return of.assignment.weights if of.assignment else {_variant(of): 1.0}


def _about(name: str, rounds: Sequence[Played]) -> Variant:
    usages = [item.usage for item in rounds if item.usage is not None]
    return Variant(
        name=name,
        modes=tuple(sorted({item.assignment.mode for item in rounds if item.assignment})),
        policies=dict(Counter(f"{item.policy.name} {item.policy.version}" for item in rounds).most_common()),
        counts=counted(rounds),
        reward=mean_over_users([(item.user_id, item.outcome.reward) for item in rounds]),
        latency_ms=spread(item.latency_ms for item in rounds),
        tokens=float(np.mean([of.prompt_tokens + of.completion_tokens for of in usages])) if usages else None,
    )


def _contrast(
    name: str, reference: str, by_name: Mapping[str, list[Played]], about: About, past: Mapping[str, float]
) -> Contrast:
    sides = _Sides.of(by_name[name], by_name[reference])
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
class _Sides:
    """The rounds of two variants in order of time; whose each was, and on which side."""

    rounds: Sequence[Played]
    user: NDArray[np.int64]
    treated: NDArray[np.bool_]

    @classmethod
    def of(cls, treated: Iterable[Played], others: Iterable[Played]) -> _Sides:
        both = [*((item, True) for item in treated), *((item, False) for item in others)]
        both.sort(key=lambda pair: pair[0].decided_at)
        user = np.unique([item.user_id for item, _ in both], return_inverse=True)[1]
        return cls([item for item, _ in both], user, np.array([side for _, side in both], bool))

    def where(self, kept: Sequence[bool]) -> _Sides:
        at = np.flatnonzero(kept)
        return _Sides([self.rounds[place] for place in at.tolist()], self.user[at], self.treated[at])

    def difference(
        self, value: NDArray[np.float64], *, upto: int | None = None, covariate: NDArray[np.float64] | None = None
    ) -> Difference | None:
        """None where a side has no round."""
        user, treated = self.user[:upto], self.treated[:upto]
        if treated.all() or not treated.any():
            return None
        return compare(value[:upto], user, treated, challenger=True, champion=False, covariate=covariate)


def _verdict(of: Difference | None) -> Verdict:
    """By the interval that holds at every look."""
    if of is None or not np.isfinite(of.sequence_upper):
        return "too few users"
    if of.sequence_lower > 0:
        return "better"
    return "worse" if of.sequence_upper < 0 else "undecided"


def _guarded(sides: _Sides, about: About) -> Iterator[Guarded]:
    happened = {
        "feature fallbacks": [item.fell_back for item in sides.rounds],
        "template tips": [item.fell_back for item in sides.rounds],
        "degraded": [item.degraded for item in sides.rounds],
        "never seen": [item.outcome.state is State.OPEN for item in sides.rounds],
    }
    for guardrail in GUARDRAILS[about]:
        value = np.array(happened[guardrail.metric], float)
        found = sides.difference(value)
        if found is not None:
            judged = found if found.stderr else _with_one_more(sides, value)
            yield Guarded(guardrail.metric, guardrail.margin, found, guardrail.verdict(judged))


def _with_one_more(sides: _Sides, value: NDArray[np.float64]) -> Difference:
    """What never happened may yet: judged as though it had to one more user of the variant (the rule of three)."""
    user, treated = np.append(sides.user, -1), np.append(sides.treated, True)
    return compare(np.append(value, 1.0), user, treated, challenger=True, champion=False)


def _course(sides: _Sides, reward: NDArray[np.float64]) -> Iterator[Look]:
    """At evenly spaced numbers of rounds, from where the interval begins to say something."""
    count = len(reward)
    for upto in np.unique(np.linspace(0, count, min(LOOKS, count) + 1, dtype=int)[1:]):
        found = sides.difference(reward, upto=int(upto))
        if found is not None and np.isfinite(found.sequence_upper):
            at = sides.rounds[upto - 1].decided_at
            yield Look(at, found.estimate, found.sequence_lower, found.sequence_upper)


def _ratio(ours: Sequence[Played], names: Sequence[str]) -> Ratio | None:
    """By each unit's first round and the weights in force then; how much is covered does not matter to the covered."""
    first: dict[str, Played] = {}
    moved = set()
    for item in ours:
        if item.assignment is not None:
            unit = item.user_id if item.assignment.unit == "user" else item.request_id
            if _variant(first.setdefault(unit, item)) != _variant(item):
                moved.add(unit)
    if len(names) < 2 or not first:
        return None
    chosen = [names.index(_variant(item)) for item in first.values()]
    chances = np.array([[_weights(item).get(name, 0.0) for name in names] for item in first.values()])
    found = srm.by_propensities(chosen, chances / chances.sum(axis=1, keepdims=True))
    return Ratio(tuple(names), found.observed, found.expected, found.p, found.enough, found.alarm, len(moved))
