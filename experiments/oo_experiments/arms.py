"""What beliefs say of the arms of one choice, as counts of wins and rounds."""

from __future__ import annotations

from typing import NamedTuple

from oo_experiments.beliefs import MICRO, Beliefs
from oo_experiments.choice import Choice
from oo_experiments.parameters import BadParameter

__all__ = ["Tally", "check_range", "tallies"]


class Tally(NamedTuple):
    """Rounds, and the part of them that was won; a reward between low and high wins a part of its round."""

    rounds: int
    wins: float


def tallies(beliefs: Beliefs, of: Choice, low: float, high: float) -> dict[str, Tally]:
    """Each arm that may be chosen, in the candidates' order; wins are within [0, rounds].

    Raises:
        ValueError: the choice does not say its candidates' arms.
    """
    if len(of.arms) != len(of.values):
        raise ValueError(f"{len(of.values)} candidates have {len(of.arms)} arms; this policy needs one for each")
    arms = dict.fromkeys(of.arms[place] for place in of.able)
    return {arm: _tally(*beliefs.arms.get(arm, (0, 0)), low, high) for arm in arms}


def _tally(rounds: int, total: int, low: float, high: float) -> Tally:
    count = max(0, rounds)  # below 0 where a correction came before what it corrects
    return Tally(count, min(max((total / MICRO - count * low) / (high - low), 0.0), count))


def check_range(low: float, high: float) -> None:
    """Raises BadParameter where rewards would have no room."""
    if low >= high:
        raise BadParameter("high", f"has to be above low, and {high} is not above {low}")
