"""Closed rounds as arrays: the row that was served, what came of it, and who it was."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from oo_contracts.rounds import Round

__all__ = ["Dataset", "NotEnough", "gather"]

Floats = NDArray[np.float32]


class NotEnough(Exception):
    """Too few closed rounds to learn anything from."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """Rounds in order of time. `rows` is (rounds, features); `label` is 1 for a rewarded round (reward > 0).

    `candidates` has all rows that were judged in each round, for what another policy would have chosen.
    """

    rows: Floats
    label: NDArray[np.int64]
    reward: NDArray[np.float64]
    propensity: NDArray[np.float64]
    user: NDArray[np.str_]
    zone: NDArray[np.str_]
    profiled: NDArray[np.bool_]
    chosen: NDArray[np.int64]
    candidates: tuple[Floats, ...]
    at: tuple[datetime, ...]
    reward_version: str
    set_aside: int

    def __len__(self) -> int:
        return len(self.label)

    def part(self, where: slice) -> Dataset:
        """Some of the rounds."""
        arrays: dict[str, Any] = {name: getattr(self, name)[where] for name in ARRAYS}
        return Dataset(**arrays, reward_version=self.reward_version, set_aside=0)

    def split(self, share: float) -> tuple[Dataset, Dataset]:
        """The first `share` of the rounds and the rest: the future never teaches the past."""
        cut = int(len(self) * share)
        return self.part(slice(cut)), self.part(slice(cut, None))


ARRAYS = ("rows", "label", "reward", "propensity", "user", "zone", "profiled", "chosen", "candidates", "at")


def gather(rounds: Iterable[Round], feature_set: str, needed: int) -> Dataset:
    """Rounds of one feature set; those of another are set aside and counted.

    Raises:
        NotEnough: fewer than `needed`, or only one kind of outcome.
    """
    all_rounds = list(rounds)
    ours = sorted(
        (item for item in all_rounds if item.decision.feature_set == feature_set),
        key=lambda item: item.decision.decided_at,
    )
    if len(ours) < needed:
        aside = f" ({len(all_rounds) - len(ours)} more have another feature set)" if len(all_rounds) > len(ours) else ""
        raise NotEnough(f"{len(ours)} closed rounds of {feature_set}{aside}; {needed} are needed")
    if len({item.reward > 0 for item in ours}) < 2:
        raise NotEnough(f"all {len(ours)} closed rounds ended alike; there is nothing to tell apart")
    return _arrays(ours, len(all_rounds) - len(ours))


def _arrays(rounds: list[Round], set_aside: int) -> Dataset:
    decisions = [item.decision for item in rounds]
    chosen = [next(place for place, it in enumerate(one.candidates) if it.id == one.chosen) for one in decisions]
    candidates = tuple(np.array([it.row for it in one.candidates], dtype=np.float32) for one in decisions)
    reward = np.array([item.reward for item in rounds])
    return Dataset(
        rows=np.array([every[place] for every, place in zip(candidates, chosen, strict=True)], dtype=np.float32),
        label=(reward > 0).astype(np.int64),
        reward=reward,
        propensity=np.array([one.propensity for one in decisions], dtype=np.float64),
        user=np.array([one.user_id for one in decisions]),
        zone=np.array([one.moment.timezone for one in decisions]),
        profiled=np.array([bool(one.moment.profile) for one in decisions]),
        chosen=np.array(chosen),
        candidates=candidates,
        at=tuple(one.decided_at for one in decisions),
        reward_version=rounds[0].reward_version,
        set_aside=set_aside,
    )
