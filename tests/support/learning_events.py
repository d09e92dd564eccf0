"""Decisions of experiments and reactions to them, enough of each kind to disagree about an order."""

from __future__ import annotations

import random
from datetime import timedelta

from example_events import NOON
from oo_contracts.events import DecidedCandidate, Feedback, GenerateDecision, PromptAssignment, ScoreDecision
from oo_contracts.generate import Usage
from oo_contracts.score import ExperimentInfo, ModelInfo, PolicyInfo
from oo_experiments.assignment.experiment import Experiment
from oo_features.feature_sets import RANKER_V1

__all__ = ["EXPERIMENTS", "VERSIONS", "past", "score", "tip"]

VERSIONS = ("v1", "v2", "v3")
THOMPSON, LINEAR = {"kind": "thompson"}, {"kind": "lints"}


def _experiment(key, policy, **other):
    variant = {"name": "only", "weight": 1, "policy": policy}
    return Experiment.model_validate({"key": key, "purpose": "a test", "variants": [variant]} | other)


EXPERIMENTS = {
    item.key: item
    for item in (
        _experiment("tone", LINEAR),
        _experiment("words", THOMPSON, about="prompts", prompts=list(VERSIONS)),
    )
}


def score(number, at, draw, experiment="tone"):
    """A round of two candidates whose rows are drawn."""
    rows = [
        tuple(draw.choice((item.fallback, item.low, item.low + 1.5)) for item in RANKER_V1.features) for _ in range(2)
    ]
    candidates = tuple(
        DecidedCandidate(
            id=f"c-{place}",
            kind=kind,
            prompt_version=draw.choice((None, *VERSIONS)),
            row=row,
            value=0.1,
            propensity=0.5,
        )
        for place, (kind, row) in enumerate(zip(("task", "none"), rows, strict=True))
    )
    return ScoreDecision(
        event_id=f"d-{number:05}",
        request_id=f"r-{number}",
        user_id=f"u-{number % 7}",
        decided_at=at,
        moment={"now": at, "timezone": "UTC", "tasks": (), "profile": None},
        feature_set=RANKER_V1.ref,
        candidates=candidates,
        chosen_id=draw.choice(("c-0", "c-1")),
        propensity=0.5,
        baseline_id="c-0",
        model=ModelInfo(name="tip-ranker", version="1"),
        policy=PolicyInfo(name="lints", version="x"),
        experiment=experiment and ExperimentInfo(key=experiment, variant="only"),
    )


def tip(number, at, version, experiment="words"):
    """A tip whose version was drawn."""
    return GenerateDecision(
        event_id=f"g-{number:05}",
        request_id=f"r-{number}",
        user_id=f"u-{number % 7}",
        decided_at=at,
        candidate_id=None,
        prompt_version=version,
        prompt_digest="d",
        model="m",
        fallback=None,
        usage=Usage(),
        latency_ms=1,
        draw=PromptAssignment(
            versions=VERSIONS,
            propensities=(1 / 3,) * 3,
            propensity=1 / 3,
            default="v1",
            policy=PolicyInfo(name="thompson", version="x"),
            experiment=experiment and ExperimentInfo(key=experiment, variant="only"),
        ),
    )


def past(rounds, seed=1):
    """(source, event) of so many rounds: seen or not, reacted to at once, late, twice, or to what was not chosen."""
    draw = random.Random(seed)
    found = []
    for number in range(rounds):
        at = NOON + timedelta(minutes=number)
        decision = score(number, at, draw, draw.choice(("tone", "tone", None, "stopped")))
        found += [("decisions", decision), ("decisions", tip(number, at, draw.choice(VERSIONS)))]
        kinds = draw.choice(((), ("shown",), ("shown", "clicked"), ("shown", "snoozed", "completed"), ("dismissed",)))
        for place, reaction in enumerate(kinds):
            after = draw.choice((timedelta(seconds=30), timedelta(hours=2), timedelta(days=3)))
            to = draw.choice((decision.chosen_id, decision.chosen_id, decision.chosen_id, "c-0"))
            said = Feedback(
                event_id=f"f-{number}-{place}",
                request_id=f"r-{number}",
                candidate_id=to,
                user_id=decision.user_id,
                reaction=reaction,
                occurred_at=at + after,
            )
            found += [("feedback", said)] * draw.choice((1, 1, 2))
    return found
