"""This module checks that the parts of a decision agree with each other, so that its readers may rely on them.

A decision can be valid field by field and still contradict itself: the chosen candidate is none of its candidates,
propensities do not sum to 1, rows have two widths. One such decision in a log would stop every estimate made from it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from oo_contracts.decision_parts import DecidedCandidate, ShadowPropensities
    from oo_contracts.events import GenerateDecision, ScoreDecision

__all__ = [
    "MAX_FLOAT32",
    "choice_contradictions",
    "generate_contradictions",
    "propensity_contradictions",
    "score_contradictions",
]

MAX_FLOAT32 = 3.4028234663852886e38  # models answer in float32; the squares of more overflow
MIN_PROPENSITY = 1e-18  # a draw has 53 bits, so nothing rarer is ever drawn; weights divide by this
SUM_TOLERANCE = 1e-6  # of propensities, as off-policy estimates accept them


def score_contradictions(decision: ScoreDecision) -> Iterator[str]:
    """Yield a sentence for each part of a `/score` decision that does not agree with the rest."""
    candidates = decision.candidates
    repeated = [name for name, count in Counter(item.id for item in candidates).items() if count > 1]
    if repeated:
        yield f"candidates: the id {repeated[0]} is there more than once"
    yield from _row_contradictions(candidates)
    yield from _shadow_contradictions(decision.shadows, len(candidates))
    if decision.chosen_id is None:
        return
    eligible = {index for index, item in enumerate(candidates) if item.eligible}
    chosen_index = next((index for index in eligible if candidates[index].id == decision.chosen_id), None)
    if chosen_index is None:
        yield "chosen_id: is no eligible candidate"
        return
    propensities = [item.propensity for item in candidates]
    yield from choice_contradictions("candidates", propensities, eligible, chosen_index, decision.propensity)
    for number, shadow in enumerate(decision.shadows):
        yield from propensity_contradictions(f"shadows.{number}", shadow.propensities, eligible)


def generate_contradictions(decision: GenerateDecision) -> Iterator[str]:
    """Yield a sentence for each part of a `/generate` decision that does not agree with the rest.

    Only a decision whose prompt version was drawn can contradict itself; any other yields nothing.
    """
    draw = decision.draw
    if draw is None:
        return
    if len(set(draw.versions)) < len(draw.versions) or len(draw.versions) != len(draw.propensities):
        yield "draw.versions: must be distinct, each with one propensity"
        return
    if decision.prompt_version not in draw.versions:
        yield "prompt_version: is none of draw.versions"
        return
    every = range(len(draw.versions))
    yield from choice_contradictions(
        "draw", draw.propensities, every, draw.versions.index(decision.prompt_version), draw.propensity
    )
    yield from _shadow_contradictions(draw.shadows, len(draw.versions))
    for number, shadow in enumerate(draw.shadows):
        yield from propensity_contradictions(f"draw.shadows.{number}", shadow.propensities, every)


def _row_contradictions(candidates: Sequence[DecidedCandidate]) -> Iterator[str]:
    if len({len(item.row) for item in candidates}) > 1:
        yield "candidates: their rows have different lengths"
    if not all(abs(item.value) <= MAX_FLOAT32 for item in candidates):
        yield "candidates: a value is no finite float32"


def _shadow_contradictions(shadows: Sequence[ShadowPropensities], count: int) -> Iterator[str]:
    for number, shadow in enumerate(shadows):
        if len(shadow.propensities) != count:
            yield f"shadows.{number}: has {len(shadow.propensities)} propensities for {count} candidates"
            return


def choice_contradictions(
    where: str, propensities: Sequence[float], eligible: Collection[int], chosen_index: int, propensity: float | None
) -> Iterator[str]:
    """Yield what contradicts that one of the `eligible` indices was drawn, with the propensity that it has there."""
    if propensity is None or not MIN_PROPENSITY <= propensity <= 1:
        yield f"propensity: of what was chosen must be from {MIN_PROPENSITY} to 1"
    elif abs(propensities[chosen_index] - propensity) > SUM_TOLERANCE:
        yield "propensity: is not the propensity of what was chosen"
    yield from propensity_contradictions(where, propensities, eligible)


def propensity_contradictions(where: str, propensities: Sequence[float], eligible: Collection[int]) -> Iterator[str]:
    """Yield what contradicts that propensities are a distribution over the `eligible` of their indices."""
    if not all(0 <= propensity <= 1 for propensity in propensities):
        yield f"{where}: a propensity is not in [0, 1]"
    elif len(eligible) < len(propensities) and any(
        propensity and index not in eligible for index, propensity in enumerate(propensities)
    ):
        yield f"{where}: a candidate that is not eligible has a propensity"
    elif abs(math.fsum(propensities) - 1) > SUM_TOLERANCE:
        yield f"{where}: the propensities do not sum to 1"
