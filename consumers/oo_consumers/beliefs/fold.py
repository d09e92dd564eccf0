"""The fold itself: from what a store holds at an instant to beliefs, whatever the order in which it came there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from oo_contracts.events import GenerateDecision, ScoreDecision
from oo_contracts.rewards import REWARDS, RewardTable
from oo_experiments.beliefs import Beliefs, Contribution

from oo_consumers.beliefs.lessons import Lesson, lessons, reward_of
from oo_consumers.store import Reacted

__all__ = ["Fold", "Rounds"]

WITHOUT = Beliefs()
Key = tuple[str, str]  # an experiment, and a request that it learns from once


class Rounds(Protocol):
    """What is asked of the store."""

    def reacted(self) -> Iterator[tuple[str, tuple[Reacted, ...]]]: ...

    def reacted_to(self) -> Iterator[tuple[str, str]]: ...

    def events(self, event_ids: Sequence[str]) -> Iterator[ScoreDecision | GenerateDecision]: ...


@dataclass(slots=True)
class Fold:
    """Beliefs by experiment. `contexts` says of each experiment that is kept whether its beliefs are linear, too.

    Each pass looks at all reactions and changes what has changed: a round that was counted with another reward than it
    has now is taken out and put in again. Sums are exact, so a fold that starts anew comes to the same bits.
    """

    contexts: Mapping[str, bool]
    table: RewardTable = REWARDS
    beliefs: dict[str, Beliefs] = field(default_factory=dict)
    _lessons: dict[str, tuple[Lesson, ...]] = field(default_factory=dict)
    _counted: dict[Key, Contribution] = field(default_factory=dict)

    def advance(self, store: Rounds, now: datetime) -> Mapping[str, Beliefs]:
        """Beliefs as of `now`.

        Raises:
            StoreError: the database.
        """
        decided = sorted(store.reacted_to(), key=lambda ids: ids[1])
        self._learn(store, [event_id for _, event_id in decided if event_id not in self._lessons])
        self._become(self._wanted(decided, dict(store.reacted()), now))
        return {key: self.beliefs.get(key, WITHOUT) for key in self.contexts}

    def _learn(self, store: Rounds, event_ids: Sequence[str]) -> None:
        self._lessons |= {event.event_id: tuple(lessons(event)) for event in store.events(event_ids)}

    def _wanted(
        self, decided: Sequence[tuple[str, str]], reacted: Mapping[str, tuple[Reacted, ...]], now: datetime
    ) -> dict[Key, Contribution]:
        """What every closed round contributes; of several tips for one request the first."""
        found: dict[Key, Contribution] = {}
        for request_id, event_id in decided:
            for lesson in self._lessons.get(event_id, ()):
                key = lesson.experiment, request_id
                if lesson.experiment not in self.contexts or key in found:
                    continue
                reward = reward_of(lesson, reacted.get(request_id, ()), now, self.table)
                if reward is not None:
                    found[key] = lesson.worth(reward, linear=self.contexts[lesson.experiment])
        return found

    def _become(self, wanted: dict[Key, Contribution]) -> None:
        changed = [key for key in self._counted.keys() | wanted.keys() if self._counted.get(key) != wanted.get(key)]
        for experiment in {key[0] for key in changed}:
            keys = [key for key in changed if key[0] == experiment]
            gone = [self._counted[key] for key in keys if key in self._counted]
            new = [wanted[key] for key in keys if key in wanted]
            self.beliefs[experiment] = self.beliefs.get(experiment, WITHOUT).remove(*gone).add(*new)
        self._counted = wanted
