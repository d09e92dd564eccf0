"""Replay: each logged decision recomputed from its event alone, and what of it differed, counted.

Only values of a model that is not at hand are taken as logged, and such a decision is counted apart. Nothing here reads
a store, a registry or a clock.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from oo_contracts.events import GenerateDecision, ScoreDecision
from oo_decisions.prompt_replay import prompt_differences
from oo_decisions.ranking_replay import ZERO_MODEL, ReplayModel, decision_differences
from oo_decisions.replay_difference import ReplayDifference
from oo_experiments.policies.policy import UnknownPolicy
from oo_features.feature_set import FeatureSet

__all__ = ["MAX_SHOWN_DIFFERENCES", "Replay", "ReplayReport"]

MAX_SHOWN_DIFFERENCES = 20  # differences that a report names; all are counted
CountByName = dict[str, int]


@dataclass(slots=True)
class ReplayReport:
    """Counts of what was replayed, what was not and why, and what differed.

    Nothing that was not compared counts as equal.
    """

    decisions: int = 0
    replayed: int = 0
    rows: int = 0
    differing: int = 0
    differences: int = 0
    first: list[ReplayDifference] = field(default_factory=list)
    models: CountByName = field(default_factory=dict)
    missing_models: CountByName = field(default_factory=dict)
    other_fingerprints: CountByName = field(default_factory=dict)
    unknown_policies: CountByName = field(default_factory=dict)
    draws: int = 0  # prompt versions that were chosen again
    unsealed: int = 0  # replayed decisions without checksums, of which only what follows from an input was compared
    compared: int = 0  # events that stand in the store and in the log
    unsettled: int = 0  # events of one source only, from when the other has none, or none yet

    def differ(self, differences: Sequence[ReplayDifference]) -> bool:
        """Count one decision's differences, and keep the first ones; return whether there are any."""
        self.differing += bool(differences)
        self.differences += len(differences)
        self.first += differences[: MAX_SHOWN_DIFFERENCES - len(self.first)]
        return bool(differences)

    def sound(self, *, allow_other_fingerprints: bool = False, allow_missing_models: bool = False) -> bool:
        """Return whether nothing differs and nothing was left out but what is allowed to be."""
        left_out = bool(self.unknown_policies)
        left_out |= bool(self.other_fingerprints) and not allow_other_fingerprints
        left_out |= bool(self.missing_models) and not allow_missing_models
        return not self.differences and not left_out


@dataclass(frozen=True, slots=True)
class Replay:
    """The replay of many decisions into one report.

    `model` returns the model of a name and version, or None when its folder is not available.
    """

    sets: dict[str, FeatureSet]
    model: Callable[[str, str], ReplayModel | None]
    report: ReplayReport = field(default_factory=ReplayReport)
    allow_unsealed: bool = False  # a decision without checksums is counted, and no difference

    def add(self, decision: ScoreDecision, beside: Sequence[ReplayDifference] = ()) -> bool:
        """Replay one decision into the report; return whether anything differs.

        `beside` are the differences of the columns around its event.
        """
        self.report.decisions += 1
        return self.report.differ([*beside, *self._replayed(decision)])

    def _replayed(self, decision: ScoreDecision) -> Sequence[ReplayDifference]:
        features = self.sets.get(decision.feature_set)
        if features is None:
            _tally(self.report.other_fingerprints, decision.feature_set)
            return ()
        model = self.model(decision.model.name, decision.model.version) if decision.has_prediction else ZERO_MODEL
        try:
            differences = decision_differences(decision, features, model)
        except UnknownPolicy as error:
            _tally(self.report.unknown_policies, str(error))
            return ()
        self._count(decision, model)
        return [*differences, *self._unsealed(decision)]

    def add_tip(self, decision: GenerateDecision, beside: Sequence[ReplayDifference] = ()) -> bool:
        """Replay how a tip's prompt version was chosen; a version that the caller named was not."""
        return self.report.differ([*beside, *self._redrawn(decision)])

    def _redrawn(self, decision: GenerateDecision) -> Sequence[ReplayDifference]:
        try:
            differences = prompt_differences(decision)
        except UnknownPolicy as error:
            _tally(self.report.unknown_policies, str(error))
            return ()
        if decision.draw is None:  # nothing was chosen, so there is no checksum
            return differences
        self.report.draws += 1
        return [*differences, *self._unsealed(decision)]

    def _unsealed(self, decision: ScoreDecision | GenerateDecision) -> Sequence[ReplayDifference]:
        """Return a difference when the decision has no checksums.

        One that lost its checksums looks like one from before there were any, so both differ unless that is allowed.
        """
        if decision.seals is not None:
            return ()
        self.report.unsealed += 1
        return () if self.allow_unsealed else [ReplayDifference(decision.request_id, None, "seals", None, "sealed")]

    def unreadable(self, request_id: str, why: str) -> None:
        """Count a decision whose event cannot be read, as a difference."""
        self.report.decisions += 1
        self.report.differ([ReplayDifference(request_id, None, "event", "unreadable", why)])

    def _count(self, decision: ScoreDecision, model: ReplayModel | None) -> None:
        counts = self.report.missing_models if model is None else self.report.models
        _tally(counts, f"{decision.model.name}/{decision.model.version}")
        self.report.replayed += 1
        self.report.rows += len(decision.candidates)


def _tally(counts: CountByName, name: str) -> None:
    counts[name] = counts.get(name, 0) + 1
