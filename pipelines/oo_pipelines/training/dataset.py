"""Closed rounds as arrays: the row that was served, what came of it, and who it was."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from oo_decisions.round import Round
from oo_features.feature_sets import FEATURE_SETS

__all__ = ["Dataset", "NotEnough", "gather"]

Floats = NDArray[np.float32]


class NotEnough(Exception):
    """There are too few closed rounds to learn anything from."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """Rounds in order of time.

    `rows` (rounds, features) are those of the chosen candidates; `label` (rounds,) is 1 for a rewarded round (reward >
    0). `candidates` has for each round the rows (candidates, features) of all candidates, for what another policy would
    have chosen; `chosen` is the index of the chosen one in it. `n_excluded` rounds were left out.
    """

    rows: Floats
    label: NDArray[np.int64]
    reward: NDArray[np.float64]
    propensity: NDArray[np.float64]
    user: NDArray[np.str_]
    zone: NDArray[np.str_]
    has_profile: NDArray[np.bool_]
    chosen: NDArray[np.int64]
    candidates: tuple[Floats, ...]
    at: tuple[datetime, ...]
    reward_version: str
    n_excluded: int

    def __len__(self) -> int:
        return len(self.label)

    def part(self, where: slice) -> Dataset:
        """Return some of the rounds."""
        arrays: dict[str, Any] = {name: getattr(self, name)[where] for name in ARRAYS}
        return Dataset(**arrays, reward_version=self.reward_version, n_excluded=0)

    def split(self, share: float) -> tuple[Dataset, Dataset]:
        """Return the first `share` of the rounds and the rest: the future never teaches the past.

        Raises:
            NotEnough: one of the two has only one kind of outcome.
        """
        cut = int(len(self) * share)
        parts = self.part(slice(cut)), self.part(slice(cut, None))
        for name, part in zip(("oldest", "newest"), parts, strict=True):
            if len(set(part.label.tolist())) < 2:
                raise NotEnough(_alike(name, part))
        return parts


def _alike(name: str, part: Dataset) -> str:
    """Return why some rounds can neither teach nor evaluate."""
    use = "learn from" if name == "oldest" else "judge a model by"
    if not len(part):
        return f"there are no rounds to {use}"
    outcome = "with" if part.label[0] else "without"
    first, last = (f"{instant.astimezone(UTC):%Y-%m-%d %H:%M}" for instant in (part.at[0], part.at[-1]))
    return (
        f"all {len(part)} of the {name} closed rounds ({first} to {last} UTC) ended {outcome} a reward, "
        f"so there is nothing to {use}: train again when others have closed"
    )


ARRAYS = ("rows", "label", "reward", "propensity", "user", "zone", "has_profile", "chosen", "candidates", "at")


def gather(rounds: Iterable[Round], feature_set: str, needed: int) -> Dataset:
    """Return the rounds of one feature set as arrays.

    Rounds of another feature set, or with rows that no float32 matrix can hold, are excluded and counted.

    Raises:
        NotEnough: there are fewer than `needed`, or only one kind of outcome.
    """
    all_rounds = list(rounds)
    selected = sorted(_fitting(all_rounds, feature_set), key=lambda item: item.decision.decided_at)
    if len(selected) < needed:
        n_excluded = len(all_rounds) - len(selected)
        note = f" ({n_excluded} more have another feature set, or rows that are not of it)" if n_excluded else ""
        raise NotEnough(f"{len(selected)} closed rounds of {feature_set}{note}; {needed} are needed")
    if len({item.reward > 0 for item in selected}) < 2:
        raise NotEnough(f"all {len(selected)} closed rounds ended alike; there is nothing to tell apart")
    return _arrays(selected, len(all_rounds) - len(selected))


def _fitting(rounds: Iterable[Round], feature_set: str) -> Iterator[Round]:
    """Yield the rounds of the feature set whose rows are of its width and finite as float32, as every served row is."""
    widths = {len(logged.features) for logged in FEATURE_SETS.values() if logged.ref == feature_set}
    for logged in rounds:
        rows = [candidate.row for candidate in logged.decision.candidates]
        if logged.decision.feature_set == feature_set and {*map(len, rows)} == (widths or {len(rows[0])}):
            with np.errstate(over="ignore"):
                finite = np.isfinite(np.array(rows, dtype=np.float32)).all()
            if finite:
                yield logged


def _arrays(rounds: list[Round], n_excluded: int) -> Dataset:
    decisions = [item.decision for item in rounds]
    chosen = [
        next(index for index, candidate in enumerate(decision.candidates) if candidate.id == decision.chosen_id)
        for decision in decisions
    ]
    candidates = tuple(
        np.array([candidate.row for candidate in decision.candidates], dtype=np.float32) for decision in decisions
    )
    reward = np.array([item.reward for item in rounds])
    return Dataset(
        rows=np.array([rows[index] for rows, index in zip(candidates, chosen, strict=True)], dtype=np.float32),
        label=(reward > 0).astype(np.int64),
        reward=reward,
        propensity=np.array([decision.propensity for decision in decisions], dtype=np.float64),
        user=np.array([decision.user_id for decision in decisions]),
        zone=np.array([decision.moment.timezone for decision in decisions]),
        has_profile=np.array([bool(decision.moment.profile) for decision in decisions]),
        chosen=np.array(chosen),
        candidates=candidates,
        at=tuple(decision.decided_at for decision in decisions),
        reward_version=rounds[0].reward_version,
        n_excluded=n_excluded,
    )
