"""The fold itself: from what a store holds at an instant to beliefs, whatever the order in which it came there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from oo_contracts.rewards import REWARDS, RewardTable
from oo_contracts.rounds import State
from oo_experiments.beliefs import Beliefs, Contribution

from oo_consumers.beliefs.lessons import lessons, outcome_of
from oo_consumers.store import Tally, Told

__all__ = ["Fold", "Rounds"]

WITHOUT = Beliefs()
Contributed = tuple[tuple[str, Contribution], ...]  # by experiment, which learns from a request once


class Rounds(Protocol):
    """What is asked of the store."""

    def tallies(self) -> Iterator[Mapping[str, Tally]]: ...

    def told(self, request_ids: Sequence[str]) -> list[Told]: ...


@dataclass(slots=True)
class Fold:
    """Beliefs by experiment. `contexts` says of each experiment that is kept whether its beliefs are linear, too.

    Each pass counts all requests, and looks at those of which there is more than before or which time alone may close.
    One that was counted with another reward than it has now is taken out and put in again. Sums are exact, so a fold
    that starts anew comes to the same bits. Memory: some 0.8 KB for each closed round with a context, else half of it.
    """

    contexts: Mapping[str, bool]
    table: RewardTable = REWARDS
    beliefs: dict[str, Beliefs] = field(default_factory=dict)
    _tallies: dict[str, Tally] = field(default_factory=dict)
    _waiting: set[str] = field(default_factory=set)
    _counted: dict[str, Contributed] = field(default_factory=dict)

    def advance(self, store: Rounds, now: datetime) -> Mapping[str, Beliefs]:
        """Beliefs as of `now`, which is not before that of the last pass.

        Raises:
            StoreError: the database.
        """
        for tallies in store.tallies():
            news = {key: tally for key, tally in tallies.items() if tally != self._tallies.get(key)}
            if wanted := [key for key in tallies if key in news or key in self._waiting]:
                self._look(store.told(wanted), now)
                self._tallies |= news  # what came since they were counted is news once more at the next pass
        return {key: self.beliefs.get(key, WITHOUT) for key in self.contexts}

    def _look(self, told: Sequence[Told], now: datetime) -> None:
        gone: dict[str, list[Contribution]] = defaultdict(list)
        new: dict[str, list[Contribution]] = defaultdict(list)
        for item in told:
            before, after = self._counted.pop(item.request_id, ()), self._contributed(item, now)
            if after:
                self._counted[item.request_id] = after
            if before != after:
                for experiment, part in before:
                    gone[experiment].append(part)
                for experiment, part in after:
                    new[experiment].append(part)
        for key in gone.keys() | new.keys():
            self.beliefs[key] = self.beliefs.get(key, WITHOUT).remove(*gone[key]).add(*new[key])

    def _contributed(self, of: Told, now: datetime) -> Contributed:
        """What the request's closed rounds are worth; of several tips the first."""
        found: dict[str, Contribution] = {}
        self._waiting.discard(of.request_id)
        for lesson in (lesson for event in of.decisions for lesson in lessons(event)):
            linear = self.contexts.get(lesson.experiment)
            if linear is None or lesson.experiment in found:
                continue
            state, reward = outcome_of(lesson, of.reactions, now, self.table)
            if reward is not None:
                found[lesson.experiment] = lesson.worth(reward, linear=linear)
            elif state is State.SHOWN:
                self._waiting.add(of.request_id)
        return tuple(found.items())
