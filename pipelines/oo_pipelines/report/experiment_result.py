"""The result of an experiment as a value, from which a report is rendered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from oo_experiments.statistics.guardrail import GuardrailVerdict as Holding
from oo_experiments.statistics.interval import Interval
from oo_experiments.statistics.mean_comparison import MeanDifference

from oo_pipelines.report.summary import Counts, Spread

__all__ = [
    "About",
    "Contrast",
    "ExperimentResult",
    "GuardrailResult",
    "Look",
    "SampleRatio",
    "VariantReport",
    "Verdict",
]

About = Literal["candidates", "prompts"]
Verdict = Literal["better", "worse", "undecided", "too few users"]


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
