"""This module reads the beliefs about the arms of one decision as counts of wins and rounds."""

from __future__ import annotations

from typing import NamedTuple

from oo_experiments.policies.action_set import ActionSet
from oo_experiments.policies.beliefs import MICRO, Beliefs
from oo_experiments.policies.parameters import BadParameter

__all__ = ["ArmCount", "arm_counts", "check_reward_range"]


class ArmCount(NamedTuple):
    """The rounds of an arm, and the part of them that was won.

    A reward between low and high wins a part of its round.
    """

    rounds: int
    wins: float


def arm_counts(beliefs: Beliefs, actions: ActionSet, low: float, high: float) -> dict[str, ArmCount]:
    """Return the count of each arm that may be chosen, in the candidates' order; wins are within [0, rounds].

    Raises:
        ValueError: the action set does not name its candidates' arms.
    """
    if len(actions.arms) != len(actions.values):
        raise ValueError(
            f"{len(actions.values)} candidates have {len(actions.arms)} arms; this policy needs one for each"
        )
    arms = dict.fromkeys(actions.arms[index] for index in actions.eligible_indices)
    return {arm: _arm_count(*beliefs.arms.get(arm, (0, 0)), low, high) for arm in arms}


def _arm_count(rounds: int, total: int, low: float, high: float) -> ArmCount:
    count = max(0, rounds)  # below 0 where a correction came before what it corrects
    return ArmCount(count, min(max((total / MICRO - count * low) / (high - low), 0.0), count))


def check_reward_range(low: float, high: float) -> None:
    """Check that rewards have a range.

    Raises:
        BadParameter: `low` is not below `high`.
    """
    if low >= high:
        raise BadParameter("high", f"has to be above low, and {high} is not above {low}")
