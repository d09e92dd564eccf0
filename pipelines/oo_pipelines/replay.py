"""Replay: each logged decision recomputed from its event alone, and compared bit for bit.

The moment gives rows, rows the model's values, values the policy's chances, and chances with the request id the choice.
Each step starts from what the step before it gave; only values of a model that is not at hand are taken as logged, and
such a decision is counted apart. Nothing here reads a store, a registry or a clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from oo_contracts.events import DecidedCandidate, GenerateDecision, ScoreDecision, ShadowChances
from oo_contracts.score import Candidate, arm_of
from oo_experiments.beliefs import BadBeliefs, Beliefs
from oo_experiments.choice import Choice
from oo_experiments.kinds import logged
from oo_experiments.policy import UnknownPolicy, decide
from oo_features.feature_set import FeatureSet, Rows
from oo_features.moment import Moment
from oo_features.scaling import scaled

from oo_pipelines.difference import Difference, changed, same
from oo_pipelines.redrawn import redrawn

__all__ = ["FIRST", "Model", "Replay", "Report", "asked", "differences"]

FIRST = 20  # differences that a report names; all are counted
Floats = Sequence[float]
Tally = dict[str, int]


@dataclass(frozen=True, slots=True)
class Model:
    """A version's values of rows; `feature_set` is what it was trained on, None when it looks at none."""

    feature_set: str | None
    values: Callable[[tuple[tuple[float, ...], ...]], tuple[float, ...]]


UNJUDGED = Model(None, lambda rows: (0.0,) * len(rows))  # where no model judged, every value is 0


def differences(of: ScoreDecision, features: FeatureSet, model: Model | None) -> list[Difference]:
    """All differences of one decision; `model` is None when its values cannot be recomputed.

    Raises:
        UnknownPolicy: the event names a policy that this code does not have.
    """
    if model is not None and model.feature_set not in {None, of.feature_set}:
        return [Difference(of.request_id, None, "feature set of the model", of.feature_set, model.feature_set)]
    try:
        rows = features.rows(Moment.from_facts(of.moment), [asked(item) for item in of.candidates])
    except (KeyError, ValueError, TypeError, OverflowError) as error:  # a moment that no call can have had
        return [Difference(of.request_id, None, "moment", "a decision", f"{type(error).__name__}: {error}")]
    values = tuple(item.value for item in of.candidates) if model is None else model.values(rows.values)
    decided = _decided(of, features, rows, values)
    return [*_clock(of), *_rows(of, features, rows), *_values(of, values), *decided, *changed(of)]


def asked(item: DecidedCandidate) -> Candidate:
    """The candidate as the call had it."""
    kind: Any = item.kind  # a text in events, so that a new kind can be logged
    return Candidate.model_construct(
        id=item.id, kind=kind, task_id=item.task_id, prompt_version=item.prompt_version, eligible=item.eligible
    )


def _clock(of: ScoreDecision) -> Iterator[Difference]:
    """The clock was read once for both; most features do not feel a small change of it."""
    if of.decided_at != of.moment.now:
        yield Difference(of.request_id, None, "clock", of.decided_at.isoformat(), of.moment.now.isoformat())


def _rows(of: ScoreDecision, features: FeatureSet, rows: Rows) -> Iterator[Difference]:
    for item, row in zip(of.candidates, rows.values, strict=True):
        if len(item.row) != len(row):
            yield Difference(of.request_id, item.id, "row", f"{len(item.row)} features", f"{len(row)} features")
        elif not same(item.row, row):
            yield from _apart(of.request_id, [item.id] * len(row), features.names, item.row, row)
    found = {item.feature: item.reason for item in rows.fallbacks}
    said = {item.feature: item.reason for item in of.fallbacks}
    for name in sorted(said.keys() | found.keys()):
        if said.get(name) != found.get(name):
            yield Difference(of.request_id, None, f"fallback of {name}", said.get(name), found.get(name))


def _values(of: ScoreDecision, values: Floats) -> Iterator[Difference]:
    return _each(of, "value", [item.value for item in of.candidates], values)


def _decided(of: ScoreDecision, features: FeatureSet, rows: Rows, values: Floats) -> Iterator[Difference]:
    """What the policies say of these values, each with what it believed then."""
    try:
        beliefs = None if of.beliefs is None else Beliefs.read(of.beliefs)
    except BadBeliefs as error:
        yield Difference(of.request_id, None, "beliefs", "beliefs", str(error))
        return
    baseline = next((place for place, item in enumerate(of.candidates) if item.id == of.baseline), None)
    choice = Choice(
        values,
        [item.eligible for item in of.candidates],
        baseline,
        [arm_of(item.kind, item.prompt_version) for item in of.candidates],
        () if beliefs is None else [scaled(features, row) for row in rows.values],
    )
    yield from _choice(of, choice, beliefs)
    for shadow in of.shadows:
        yield from _shadow(of, shadow, choice, beliefs)


def _choice(of: ScoreDecision, choice: Choice, beliefs: Beliefs | None) -> Iterator[Difference]:
    drawn = decide(logged(of.policy.name, of.policy.version, beliefs), choice, key=of.request_id)
    chosen = None if drawn.index is None else of.candidates[drawn.index].id
    yield from _each(of, "chance", [item.propensity for item in of.candidates], drawn.propensities)
    if chosen != of.chosen:
        yield Difference(of.request_id, None, "chosen", of.chosen, chosen)
    if not same(of.propensity, drawn.propensity):
        yield Difference(of.request_id, None, "propensity", of.propensity, drawn.propensity)


def _shadow(of: ScoreDecision, shadow: ShadowChances, choice: Choice, beliefs: Beliefs | None) -> Iterator[Difference]:
    name, version = shadow.policy.name, shadow.policy.version
    found = decide(logged(name, version, beliefs), choice, key=of.request_id).propensities
    if len(shadow.propensities) != len(found):
        said = f"{len(shadow.propensities)} chances"
        yield Difference(of.request_id, None, f"shadow {name} {version}", said, f"{len(found)} chances")
    else:
        yield from _each(of, f"chance by shadow {name} {version}", shadow.propensities, found)


def _each(of: ScoreDecision, what: str, said: Floats, found: Floats) -> Iterator[Difference]:
    """One number for each candidate."""
    if not same(said, found):
        ids = [item.id for item in of.candidates]
        yield from _apart(of.request_id, ids, [what] * len(ids), said, found)


def _apart(
    request_id: str, ids: Sequence[str], names: Sequence[str], said: Floats, found: Floats
) -> Iterator[Difference]:
    for candidate_id, name, one, other in zip(ids, names, said, found, strict=True):
        if not same(one, other):
            yield Difference(request_id, candidate_id, name, one, other)


@dataclass(slots=True)
class Report:
    """What was replayed, what was not and why, and what differed. Nothing that was not compared counts as equal."""

    decisions: int = 0
    replayed: int = 0
    rows: int = 0
    differing: int = 0
    differences: int = 0
    first: list[Difference] = field(default_factory=list)
    models: Tally = field(default_factory=dict)
    missing_models: Tally = field(default_factory=dict)
    other_fingerprints: Tally = field(default_factory=dict)
    unknown_policies: Tally = field(default_factory=dict)
    draws: int = 0  # of prompt versions
    unsealed: int = 0  # of those replayed: from before seals, so that only what follows from an input was compared

    def differ(self, found: Sequence[Difference]) -> None:
        """Count one decision's differences, and keep the first ones."""
        self.differing += bool(found)
        self.differences += len(found)
        self.first += found[: FIRST - len(self.first)]

    def sound(self, *, allow_other_fingerprints: bool = False, allow_missing_models: bool = False) -> bool:
        """Nothing differs, and nothing was left out but what is allowed to be."""
        left_out = bool(self.unknown_policies)
        left_out |= bool(self.other_fingerprints) and not allow_other_fingerprints
        left_out |= bool(self.missing_models) and not allow_missing_models
        return not self.differences and not left_out


@dataclass(frozen=True, slots=True)
class Replay:
    """`model` finds the model of a name and version, or None when its folder is not available."""

    sets: dict[str, FeatureSet]
    model: Callable[[str, str], Model | None]
    report: Report = field(default_factory=Report)

    def add(self, of: ScoreDecision) -> None:
        """Replay one decision into the report."""
        self.report.decisions += 1
        features = self.sets.get(of.feature_set)
        if features is None:
            _tally(self.report.other_fingerprints, of.feature_set)
            return
        model = self.model(of.model.name, of.model.version) if of.judged else UNJUDGED
        try:
            found = differences(of, features, model)
        except UnknownPolicy as error:
            _tally(self.report.unknown_policies, str(error))
            return
        self._count(of, model)
        self.report.differ(found)

    def add_tip(self, of: GenerateDecision) -> None:
        """Replay how a tip's prompt version was drawn; one that the call named was not."""
        try:
            found = list(redrawn(of))
        except UnknownPolicy as error:
            _tally(self.report.unknown_policies, str(error))
            return
        self.report.draws += of.draw is not None
        self.report.unsealed += of.draw is not None and of.seals is None
        self.report.differ(found)

    def unreadable(self, request_id: str, why: str) -> None:
        """A decision whose event is none."""
        self.report.decisions += 1
        self.report.differ([Difference(request_id, None, "event", "unreadable", why)])

    def _count(self, of: ScoreDecision, model: Model | None) -> None:
        by = self.report.missing_models if model is None else self.report.models
        _tally(by, f"{of.model.name}/{of.model.version}")
        self.report.replayed += 1
        self.report.unsealed += of.seals is None
        self.report.rows += len(of.candidates)


def _tally(of: Tally, name: str) -> None:
    of[name] = of.get(name, 0) + 1
