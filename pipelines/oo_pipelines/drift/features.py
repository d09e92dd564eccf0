"""Drift: whether features look as they did before, feature by feature, with few false alarms.

A window of decisions is compared with a reference. Rounds of one user repeat that user's profile, so rounds are not
independent and a test over all of them finds drift on every day. Each user is therefore drawn once in each window
(Hoffman, Sen, Weinberg: Within-cluster resampling, Biometrika 2001, with one resample). Tests:

- distribution, more than LEVELS values: two-sample Kolmogorov-Smirnov; else χ² of homogeneity, rare levels pooled.
  Values that fell back are left out, for they are the other test's business.
- fallback rate: Fisher's exact test.

All p-values of a report are corrected together (Benjamini, Hochberg, 1995). An alarm needs a q-value below alpha *and*
an effect that matters: PSI of at least PSI_FLOOR over all rounds, or a rate changed by at least RATE_FLOOR.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

__all__ = ["LEVELS", "PSI_FLOOR", "RATE_FLOOR", "USERS_FLOOR", "Drift", "FeatureDrift", "Sample", "compare", "psi"]

LEVELS = 20  # up to so many different values a feature is compared as categories
EXPECTED = 5  # the least expected count of a χ² cell (Cochran, 1954); rarer levels are pooled
BINS = 10
PSI_FLOOR = 0.1  # below is commonly read as no change (Siddiqi, Credit Risk Scorecards, 2006)
RATE_FLOOR = 0.02
USERS_FLOOR = 50  # users in each window, below which nothing is said

Verdict = Literal["no drift", "drift", "not enough data"]
Test = Literal["ks", "chi2", "constant", "left out"]
Tested = tuple[Test, float | None, float | None]  # the test, its statistic, its p-value
LEFT_OUT: Tested = ("left out", None, None)
CONSTANT: Tested = ("constant", None, None)
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Sample:
    """One row per round: `values` (rounds, features), `fell_back` of that shape, and `user` as a number (rounds,)."""

    values: Floats
    fell_back: NDArray[np.bool_]
    user: NDArray[np.int64]

    @property
    def users(self) -> int:
        return len(np.unique(self.user))

    def one_each(self, draw: np.random.Generator) -> Sample:
        """One round of each user, drawn evenly."""
        order = draw.permutation(len(self.user))
        _, first = np.unique(self.user[order], return_index=True)
        chosen = order[first]
        return Sample(self.values[chosen], self.fell_back[chosen], self.user[chosen])


@dataclass(frozen=True, slots=True)
class FeatureDrift:
    """One feature. `p` and `q` are of the distribution, None when it was not compared; rates are of all rounds."""

    feature: str
    test: Test
    statistic: float | None
    p: float | None
    q: float | None
    psi: float | None
    fallback_before: float
    fallback_now: float
    fallback_p: float
    fallback_q: float
    alarms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Drift:
    """A report; `features` has the worst first."""

    verdict: Verdict
    rounds_before: int
    rounds_now: int
    users_before: int
    users_now: int
    features: tuple[FeatureDrift, ...] = ()
    set_aside: dict[str, int] = field(default_factory=dict)


def compare(
    before: Sample, now: Sample, names: Sequence[str], *, alpha: float, seed: int, left_out: Sequence[str] = ()
) -> Drift:
    """Compare two windows over the same features, in the order of the columns.

    `left_out` names features whose distribution differs by construction (the clock, when the windows are not of the
    same hours and weekdays); their fallback rates are still compared.
    """
    size = len(before.user), len(now.user), before.users, now.users
    if min(size[2:]) < USERS_FLOOR:
        return Drift("not enough data", *size)
    draw = np.random.default_rng(seed)
    drawn = before.one_each(draw), now.one_each(draw)
    found = [_feature(place, name, drawn, (before, now), name in left_out) for place, name in enumerate(names)]
    judged = tuple(sorted(_judged(found, alpha), key=_severity))
    return Drift("drift" if any(item.alarms for item in judged) else "no drift", *size, features=judged)


def _feature(
    place: int, name: str, drawn: tuple[Sample, Sample], whole: tuple[Sample, Sample], left_out: bool
) -> FeatureDrift:
    test, statistic, p = LEFT_OUT if left_out else _distribution(*(_own(item, place) for item in drawn))
    rates = [float(item.fell_back[:, place].mean()) for item in whole]
    table = [[int(item.fell_back[:, place].sum()), int((~item.fell_back[:, place]).sum())] for item in drawn]
    apart = None if p is None else psi(*(_own(item, place) for item in whole))
    chance = float(stats.fisher_exact(table).pvalue)
    return FeatureDrift(name, test, statistic, p, None, apart, rates[0], rates[1], chance, chance)


def _own(of: Sample, place: int) -> Floats:
    """The values that did not fall back."""
    kept: Floats = of.values[~of.fell_back[:, place], place]
    return kept


def _distribution(before: Floats, now: Floats) -> Tested:
    levels = np.unique(np.concatenate([before, now]))
    if len(levels) < 2 or not (len(before) and len(now)):
        return CONSTANT
    if len(levels) > LEVELS:
        found = stats.ks_2samp(before, now, method="asymp")
        return "ks", float(found.statistic), float(found.pvalue)
    table = np.array([[(part == level).sum() for level in levels] for part in (before, now)])
    pooled = _pooled(table)
    if pooled.shape[1] < 2:
        return CONSTANT
    found = stats.chi2_contingency(pooled, correction=False)
    return "chi2", float(found.statistic), float(found.pvalue)


def _pooled(table: NDArray[np.int64]) -> NDArray[np.int64]:
    """Levels too rare for χ² as one level; neighbours of it when that is still too rare."""
    least = table.sum(axis=0) * table.sum(axis=1).min() / table.sum()
    order = np.argsort(least)
    together = int(np.searchsorted(np.cumsum(np.sort(least)), EXPECTED)) + 1 if least.min() < EXPECTED else 1
    together = max(together, int((least < EXPECTED).sum()))
    return np.column_stack([table[:, order[:together]].sum(axis=1), table[:, order[together:]]])


def psi(before: Floats, now: Floats) -> float:
    """Population stability index over the values when they are few, else over deciles of `before`.

    Half a count is added to each bin, so that none is empty.
    """
    if not (len(before) and len(now)):
        return 0.0
    levels = np.unique(np.concatenate([before, now]))
    edges = levels if len(levels) <= LEVELS else np.unique(np.quantile(before, np.linspace(0, 1, BINS + 1)[1:-1]))
    one, other = (_shares(np.searchsorted(edges, part, side="left"), len(edges) + 1) for part in (before, now))
    return float(((other - one) * np.log(other / one)).sum())


def _shares(bins: NDArray[np.int64], count: int) -> Floats:
    counts = np.bincount(bins, minlength=count) + 0.5
    return np.asarray(counts / counts.sum(), dtype=np.float64)


def _judged(found: Sequence[FeatureDrift], alpha: float) -> list[FeatureDrift]:
    """All p-values corrected together."""
    tested = [item.p for item in found if item.p is not None]
    q = iter(stats.false_discovery_control([*tested, *(item.fallback_p for item in found)]).tolist())
    compared = [replace(item, q=None if item.p is None else next(q)) for item in found]
    return [_alarmed(replace(item, fallback_q=next(q)), alpha) for item in compared]


def _alarmed(of: FeatureDrift, alpha: float) -> FeatureDrift:
    moved = of.q is not None and of.psi is not None and of.q < alpha and of.psi >= PSI_FLOOR
    failing = of.fallback_q < alpha and abs(of.fallback_now - of.fallback_before) >= RATE_FLOOR
    alarms = [text for text, holds in (("distribution", moved), ("fallback rate", failing)) if holds]
    return replace(of, alarms=tuple(alarms))


def _severity(of: FeatureDrift) -> tuple[bool, float, float]:
    return not of.alarms, min(of.fallback_q, 1.0 if of.q is None else of.q), -(of.psi or 0.0)
