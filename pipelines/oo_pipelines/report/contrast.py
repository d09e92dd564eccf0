"""How a variant differs from the reference: in reward, by its guardrails, and in the course of the experiment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from oo_decisions.round import RoundState
from oo_experiments.assignment.experiment import HOLDOUT
from oo_experiments.statistics.guardrail import Guardrail
from oo_experiments.statistics.mean_comparison import MeanDifference, compare_means

from oo_pipelines.report.experiment_result import About, Contrast, GuardrailResult, Look, Verdict
from oo_pipelines.report.round_outcomes import LoggedRound
from oo_pipelines.report.variant_pair import VariantPair

__all__ = ["GUARDRAILS", "compare_variants"]

GUARDRAILS: Mapping[About, tuple[Guardrail, ...]] = {
    "candidates": (
        Guardrail("feature fallbacks", "lower", 0.01),
        Guardrail("degraded", "lower", 0.01),
        Guardrail("never seen", "lower", 0.02),
    ),
    "prompts": (Guardrail("template tips", "lower", 0.01), Guardrail("never seen", "lower", 0.02)),
}
MAX_LOOKS = 40  # looks in the course of an experiment


def compare_variants(
    name: str, reference: str, by_name: Mapping[str, Sequence[LoggedRound]], about: About, past: Mapping[str, float]
) -> Contrast:
    """Return how the variant `name` differs from the reference.

    `by_name` are the rounds of each variant, `past` is each user's mean reward before the experiment.
    """
    sides = VariantPair.of(by_name[name], by_name[reference])
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


def _verdict(difference: MeanDifference | None) -> Verdict:
    """Return the verdict by the interval that holds at every look."""
    if difference is None or not np.isfinite(difference.sequence_upper):
        return "too few users"
    if difference.sequence_lower > 0:
        return "better"
    return "worse" if difference.sequence_upper < 0 else "undecided"


def _guarded(sides: VariantPair, about: About) -> Iterator[GuardrailResult]:
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


def _with_one_more(sides: VariantPair, value: NDArray[np.float64]) -> MeanDifference:
    """Return the difference as if it had happened to one more user of the variant.

    What never happened may yet: this is the rule of three for a share of zero, which has no standard error.
    """
    user, treated = np.append(sides.user, -1), np.append(sides.treated, True)
    return compare_means(np.append(value, 1.0), user, treated, challenger=True, champion=False)


def _course(sides: VariantPair, reward: NDArray[np.float64]) -> Iterator[Look]:
    """Yield the difference at evenly spaced numbers of rounds, from where the interval becomes finite."""
    count = len(reward)
    for upto in np.unique(np.linspace(0, count, min(MAX_LOOKS, count) + 1, dtype=int)[1:]):
        difference = sides.difference(reward, upto=int(upto))
        if difference is not None and np.isfinite(difference.sequence_upper):
            looked_at = sides.rounds[upto - 1].decided_at
            yield Look(looked_at, difference.estimate, difference.sequence_lower, difference.sequence_upper)
