"""The fold from the contents of a store at an instant to beliefs, whatever the order in which the events arrived."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from oo_contracts.events import GenerateDecision, ScoreDecision
from oo_contracts.reward_table import DEFAULT_REWARDS, RewardTable
from oo_contracts.subjects import decision_subject
from oo_decisions.round import RoundState, round_outcome
from oo_experiments.policies.beliefs import Beliefs, Contribution

from oo_consumers.beliefs.observations import observations_of
from oo_consumers.store_records import RequestCounts, RequestHistory

__all__ = ["Fold", "RequestHistories", "UnlearnableDecision"]

EMPTY_BELIEFS = Beliefs()
Contributed = tuple[tuple[str, Contribution], ...]  # by experiment; each learns from a request once


class RequestHistories(Protocol):
    """What the fold asks of the store."""

    def request_counts(self) -> Iterator[Mapping[str, RequestCounts]]:
        """Yield the counts of every request with a reaction, a page at a time."""

    def histories(self, request_ids: Sequence[str]) -> list[RequestHistory]:
        """Return everything that is known of some requests."""


@dataclass(frozen=True, slots=True)
class UnlearnableDecision:
    """A decision from which nothing can be learned, and why: a dead letter of the beliefs."""

    event: ScoreDecision | GenerateDecision
    reason: str

    @property
    def subject(self) -> str:
        """The subject that the decision was published to."""
        return decision_subject("score" if isinstance(self.event, ScoreDecision) else "generate")

    @property
    def data(self) -> bytes:
        """The decision as it is published."""
        return self.event.encode()

    @property
    def stream_position(self) -> str:
        """The event's id, which is unique among what this reader may bury."""
        return self.event.event_id

    @property
    def headers(self) -> Mapping[str, str]:
        """No headers: the decision comes from the store, not from a message."""
        return {}


@dataclass(slots=True)
class Fold:
    """Beliefs by experiment; `contexts` names the experiments to fold and says whether their beliefs are linear, too.

    Each pass counts all requests and looks at those of which there is more than before or which time alone may close. A
    request that was counted with another reward than it has now is taken out and put in again. Sums are exact, so a
    fold that starts anew comes to the same bits. Memory: some 0.8 KB for each closed round with a context, else half of
    it.
    """

    contexts: Mapping[str, bool]
    table: RewardTable = DEFAULT_REWARDS
    beliefs: dict[str, Beliefs] = field(default_factory=dict)
    unlearnable: dict[str, UnlearnableDecision] = field(default_factory=dict)
    _counts: dict[str, RequestCounts] = field(default_factory=dict)
    _waiting: set[str] = field(default_factory=set)
    _counted: dict[str, Contributed] = field(default_factory=dict)

    def advance(self, store: RequestHistories, now: datetime) -> Mapping[str, Beliefs]:
        """Return the beliefs as of `now`, which must not be earlier than that of the last pass.

        Raises:
            StoreError: the database refused or cannot be reached.
        """
        for counts_by_request in store.request_counts():
            changed = {key: counts for key, counts in counts_by_request.items() if counts != self._counts.get(key)}
            if request_ids := [key for key in counts_by_request if key in changed or key in self._waiting]:
                self._update(store.histories(request_ids), now)
                self._counts |= changed  # events that came after the count change it again at the next pass
        return {key: self.beliefs.get(key, EMPTY_BELIEFS) for key in self.contexts}

    def _update(self, histories: Sequence[RequestHistory], now: datetime) -> None:
        removed: dict[str, list[Contribution]] = defaultdict(list)
        added: dict[str, list[Contribution]] = defaultdict(list)
        for history in histories:
            before, after = self._counted.pop(history.request_id, ()), self._sound(history, now)
            if after:
                self._counted[history.request_id] = after
            if before != after:
                for experiment, contribution in before:
                    removed[experiment].append(contribution)
                for experiment, contribution in after:
                    added[experiment].append(contribution)
        # Remove before add: a contribution whose reward changed is in both, and the exact sums forget the old one.
        for key in removed.keys() | added.keys():
            self.beliefs[key] = self.beliefs.get(key, EMPTY_BELIEFS).remove(*removed[key]).add(*added[key])

    def _sound(self, history: RequestHistory, now: datetime) -> Contributed:
        """Return what the request contributes; nothing, and a dead letter, when that cannot be computed."""
        try:
            return self._contributions(history, now)
        except (ValueError, ArithmeticError, LookupError, TypeError) as error:  # whatever this one decision holds
            self.unlearnable[history.request_id] = UnlearnableDecision(
                history.decisions[0], f"{type(error).__name__}: {error}"
            )
            return ()

    def _contributions(self, history: RequestHistory, now: datetime) -> Contributed:
        """Return the contributions of the request's closed rounds; of several tips of an experiment the first
        counts."""
        contributions: dict[str, Contribution] = {}
        self._waiting.discard(history.request_id)
        for observation in (observation for event in history.decisions for observation in observations_of(event)):
            linear = self.contexts.get(observation.experiment)
            if linear is None or observation.experiment in contributions:
                continue
            outcome = round_outcome(observation.candidate_id, history.reactions, now, self.table)
            if outcome.reward is not None:
                contributions[observation.experiment] = observation.contribution(outcome.reward, linear=linear)
            elif outcome.state is RoundState.SHOWN:
                self._waiting.add(history.request_id)
        return tuple(contributions.items())
