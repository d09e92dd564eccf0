"""Drift: whether features look as they did before, feature by feature, with few false alarms.

A window of decisions is compared with a reference. Rounds of one user repeat that user's profile, so rounds are not
independent and a test over all of them finds drift on every day. Each user is therefore drawn once in each window
(Hoffman, Sen, Weinberg: Within-cluster resampling, Biometrika 2001, with one resample). Tests:

- distribution, more than MAX_LEVELS values: two-sample Kolmogorov-Smirnov; else χ² of homogeneity, rare levels pooled.
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

__all__ = [
    "MAX_LEVELS",
    "PSI_FLOOR",
    "RATE_FLOOR",
    "USERS_FLOOR",
    "DriftReport",
    "DriftSample",
    "FeatureDrift",
    "compare",
    "psi",
]

MAX_LEVELS = 20  # largest number of different values that are compared as categories
MIN_EXPECTED = 5  # the least expected count of a χ² cell (Cochran, 1954); rarer levels are pooled
BINS = 10
PSI_FLOOR = 0.1  # below is commonly read as no change (Siddiqi, Credit Risk Scorecards, 2006)
RATE_FLOOR = 0.02
USERS_FLOOR = 50  # users in each window, below which there is no verdict

Verdict = Literal["no drift", "drift", "not enough data"]
Test = Literal["ks", "chi2", "constant", "left out"]
Tested = tuple[Test, float | None, float | None]  # the test, its statistic, its p-value
LEFT_OUT: Tested = ("left out", None, None)
CONSTANT: Tested = ("constant", None, None)
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class DriftSample:
    """Rounds of a window: `values` (rounds, features), `fell_back` of that shape, and `user` as a number (rounds,)."""

    values: Floats
    fell_back: NDArray[np.bool_]
    user: NDArray[np.int64]

    @property
    def users(self) -> int:
        """The number of different users."""
        return len(np.unique(self.user))

    def one_each(self, draw: np.random.Generator) -> DriftSample:
        """Return one round of each user, drawn evenly."""
        order = draw.permutation(len(self.user))
        _, first = np.unique(self.user[order], return_index=True)
        chosen = order[first]
        return DriftSample(self.values[chosen], self.fell_back[chosen], self.user[chosen])


@dataclass(frozen=True, slots=True)
class FeatureDrift:
    """The comparison of one feature.

    `p` and `q` are of the distribution, None when it was not compared; the fallback rates are of all rounds.
    """

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
class DriftReport:
    """The comparison of two windows; `features` has the worst first, `set_aside` the excluded rounds by feature set."""

    verdict: Verdict
    rounds_before: int
    rounds_now: int
    users_before: int
    users_now: int
    features: tuple[FeatureDrift, ...] = ()
    set_aside: dict[str, int] = field(default_factory=dict)


def compare(
    before: DriftSample,
    now: DriftSample,
    names: Sequence[str],
    *,
    alpha: float,
    seed: int,
    left_out: Sequence[str] = (),
) -> DriftReport:
    """Compare two windows over the same features, in the order of the columns.

    `left_out` names features whose distribution differs by construction (the clock, when the windows are not of the
    same hours and weekdays); their fallback rates are still compared.
    """
    size = len(before.user), len(now.user), before.users, now.users
    if min(size[2:]) < USERS_FLOOR:
        return DriftReport("not enough data", *size)
    draw = np.random.default_rng(seed)
    drawn = before.one_each(draw), now.one_each(draw)
    drifts = [_feature(index, name, drawn, (before, now), name in left_out) for index, name in enumerate(names)]
    ordered = tuple(sorted(_with_q_values(drifts, alpha), key=_severity))
    return DriftReport("drift" if any(item.alarms for item in ordered) else "no drift", *size, features=ordered)


def _feature(
    index: int,
    name: str,
    drawn: tuple[DriftSample, DriftSample],
    whole: tuple[DriftSample, DriftSample],
    left_out: bool,
) -> FeatureDrift:
    test, statistic, p = LEFT_OUT if left_out else _distribution(*(_own(item, index) for item in drawn))
    rates = [float(item.fell_back[:, index].mean()) for item in whole]
    table = [[int(item.fell_back[:, index].sum()), int((~item.fell_back[:, index]).sum())] for item in drawn]
    stability = None if p is None else psi(*(_own(item, index) for item in whole))
    fallback_p = float(stats.fisher_exact(table).pvalue)
    return FeatureDrift(name, test, statistic, p, None, stability, rates[0], rates[1], fallback_p, fallback_p)


def _own(sample: DriftSample, index: int) -> Floats:
    """Return the values that did not fall back."""
    own: Floats = sample.values[~sample.fell_back[:, index], index]
    return own


def _distribution(before: Floats, now: Floats) -> Tested:
    levels = np.unique(np.concatenate([before, now]))
    if len(levels) < 2 or not (len(before) and len(now)):
        return CONSTANT
    if len(levels) > MAX_LEVELS:
        tested = stats.ks_2samp(before, now, method="asymp")
        return "ks", float(tested.statistic), float(tested.pvalue)
    table = np.array([[(part == level).sum() for level in levels] for part in (before, now)])
    pooled = _pooled(table)
    if pooled.shape[1] < 2:
        return CONSTANT
    tested = stats.chi2_contingency(pooled, correction=False)
    return "chi2", float(tested.statistic), float(tested.pvalue)


def _pooled(table: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the table with levels that are too rare for χ² as one; with neighbours when that is still too rare."""
    expected = table.sum(axis=0) * table.sum(axis=1).min() / table.sum()
    order = np.argsort(expected)
    n_pooled = (
        int(np.searchsorted(np.cumsum(np.sort(expected)), MIN_EXPECTED)) + 1 if expected.min() < MIN_EXPECTED else 1
    )
    n_pooled = max(n_pooled, int((expected < MIN_EXPECTED).sum()))
    return np.column_stack([table[:, order[:n_pooled]].sum(axis=1), table[:, order[n_pooled:]]])


def psi(before: Floats, now: Floats) -> float:
    """Return the population stability index, over the values when they are few, else over deciles of `before`.

    Half a count is added to each bin, so that none is empty.
    """
    if not (len(before) and len(now)):
        return 0.0
    levels = np.unique(np.concatenate([before, now]))
    edges = levels if len(levels) <= MAX_LEVELS else np.unique(np.quantile(before, np.linspace(0, 1, BINS + 1)[1:-1]))
    share_before, share_now = (
        _shares(np.searchsorted(edges, part, side="left"), len(edges) + 1) for part in (before, now)
    )
    return float(((share_now - share_before) * np.log(share_now / share_before)).sum())


def _shares(bins: NDArray[np.int64], count: int) -> Floats:
    counts = np.bincount(bins, minlength=count) + 0.5
    return np.asarray(counts / counts.sum(), dtype=np.float64)


def _with_q_values(drifts: Sequence[FeatureDrift], alpha: float) -> list[FeatureDrift]:
    """Return the drifts with the q-values of all p-values corrected together."""
    tested = [item.p for item in drifts if item.p is not None]
    q = iter(stats.false_discovery_control([*tested, *(item.fallback_p for item in drifts)]).tolist())
    compared = [replace(item, q=None if item.p is None else next(q)) for item in drifts]
    return [_with_alarms(replace(item, fallback_q=next(q)), alpha) for item in compared]


def _with_alarms(drift: FeatureDrift, alpha: float) -> FeatureDrift:
    moved = drift.q is not None and drift.psi is not None and drift.q < alpha and drift.psi >= PSI_FLOOR
    failing = drift.fallback_q < alpha and abs(drift.fallback_now - drift.fallback_before) >= RATE_FLOOR
    alarms = [text for text, holds in (("distribution", moved), ("fallback rate", failing)) if holds]
    return replace(drift, alarms=tuple(alarms))


def _severity(drift: FeatureDrift) -> tuple[bool, float, float]:
    return not drift.alarms, min(drift.fallback_q, 1.0 if drift.q is None else drift.q), -(drift.psi or 0.0)
