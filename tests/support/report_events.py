"""A store with an experiment, a holdout, shadows, an apprentice and drawn prompts, whose truth is known."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
from oo_contracts.events import (
    AssignmentFacts,
    ContextFacts,
    DecidedCandidate,
    Feedback,
    GenerateDecision,
    Prediction,
    PromptAssignment,
    ScoreDecision,
    ShadowPropensities,
)
from oo_contracts.generate import Usage
from oo_contracts.score import ExperimentInfo, Fallback, ModelInfo, PolicyInfo

__all__ = ["TRUTH", "VERSIONS", "WORTH", "drawn_tips", "feedback", "filled", "prediction", "score", "tip"]

VERSIONS = ("v1", "v2", "v3")
TRUTH = {"calm": 0.15, "bold": 0.3, "holdout": 0.1}  # rewards per round
WORTH = (0.2, 0.3, 0.45)  # of VERSIONS
GREEDY, UNIFORM = PolicyInfo(name="greedy", version="1"), PolicyInfo(name="uniform", version="1")
BASELINE = PolicyInfo(name="baseline", version="1")


def score(request, at, *, user="u-1", experiment=None, variant="calm", weights=None, mode="active", **other):
    """Of two candidates, each with a chance of one half; the first was chosen."""
    even = tuple(
        DecidedCandidate(id=name, kind="task", row=(1.0,), value=value, propensity=0.5)
        for name, value in (("a", 0.2), ("b", 0.4))
    )
    facts = AssignmentFacts(mode=mode, unit="user", coverage=1.0, weights=weights or {"calm": 0.5, "bold": 0.5})
    known = {
        "event_id": f"d-{request}",
        "request_id": request,
        "user_id": user,
        "decided_at": at,
        "moment": ContextFacts(now=at, timezone="UTC", tasks=(), profile=None),
        "feature_set": "ranker-v1@0",
        "candidates": even,
        "chosen_id": "a",
        "propensity": 0.5,
        "baseline_id": "a",
        "model": ModelInfo(name="tip-ranker", version="1"),
        "policy": UNIFORM,
        "experiment": experiment and ExperimentInfo(key=experiment, variant=variant),
        "assignment": experiment and facts,
    }
    return ScoreDecision.model_validate(known | other)


def tip(request, at, version="v1", chances=None, *, user="u-1", experiment="words", **other):
    """Drawn by chances of VERSIONS, or forced without them; any reaction to the request counts."""
    draw = chances and PromptAssignment(
        versions=VERSIONS[: len(chances)],
        propensities=tuple(chances),
        propensity=chances[VERSIONS.index(version)],
        default="v1",
        policy=PolicyInfo(name="thompson", version="1"),
        experiment=experiment and ExperimentInfo(key=experiment, variant="only"),
    )
    known = {
        "event_id": f"g-{request}-{version}",
        "request_id": request,
        "user_id": user,
        "decided_at": at,
        "candidate_id": None,
        "prompt_version": version,
        "prompt_digest": "d",
        "model": "m",
        "fallback": None,
        "usage": Usage(prompt_tokens=100, completion_tokens=20),
        "latency_ms": 200.0,
        "draw": draw,
    }
    return GenerateDecision.model_validate(known | other)


def feedback(request, at, *reactions, to="a", user="u-1"):
    """One event for each reaction, at an instant."""
    return [
        Feedback(
            event_id=f"f-{request}-{reaction}",
            request_id=request,
            candidate_id=to,
            user_id=user,
            reaction=reaction,
            occurred_at=at,
        )
        for reaction in reactions
    ]


def prediction(request, at, milliseconds, role="live"):
    return Prediction(
        event_id=f"p-{request}-{role}",
        request_id=request,
        role=role,
        model=ModelInfo(name="tip-ranker", version="1"),
        feature_set="ranker-v1@0",
        values=(0.2, 0.4),
        latency_ms=milliseconds,
        occurred_at=at,
    )


def filled(store, now, *, users=400, rounds=8, seed=1):
    """Users of `calm`, `bold` and the holdout, over ten days; the last day's rounds are open. And 1,500 tips."""
    draw, decisions, reactions, predictions = np.random.default_rng(seed), [], [], []
    for number in range(users):
        variant = draw.choice(["calm", "bold", "holdout"], p=[0.45, 0.45, 0.1])
        for place in range(1 + draw.integers(2 * rounds)):
            request, at = f"r-{number}-{place}", now - timedelta(days=10) * draw.random()
            decision, reward = _drawn(draw, request, at, f"u-{number}", variant)
            decisions.append(decision)
            predictions.append(prediction(request, at, float(draw.gamma(2, 1.5))))
            if draw.random() < 0.9:
                kinds = ("shown", "completed") if reward else ("shown",)
                reactions += feedback(request, at, *kinds, to=decision.chosen_id, user=f"u-{number}")
    tips, more = _tips(draw, now)
    store.record_all("decisions", [*decisions, *tips])
    store.record_all("feedback", [*reactions, *more])
    store.record_all("predictions", predictions)


def _drawn(draw, request, at, user, variant):
    """The second candidate is worth 0.2 more; `bold` is the half of the users whose tips are better altogether."""
    held_out = variant == "holdout"
    chosen = "a" if held_out or draw.random() < 0.5 else "b"
    chances = (1.0, 0.0) if held_out else (0.5, 0.5)
    candidates = tuple(
        DecidedCandidate(id=name, kind="task", row=(1.0,), value=value, propensity=chance)
        for (name, value), chance in zip((("a", 0.2), ("b", 0.4)), chances, strict=True)
    )
    shadow = ShadowPropensities(policy=PolicyInfo(name="epsilon-greedy", version="0.1"), propensities=(0.05, 0.95))
    fallbacks = (Fallback(feature="profile.age", reason="stale"),) if draw.random() < 0.1 else ()
    decision = score(
        request,
        at,
        user=user,
        experiment="holdout" if held_out else "tone",
        variant="baseline" if held_out else variant,
        weights={"baseline": 1.0} if held_out else None,
        mode="holdout" if held_out else "active",
        candidates=candidates,
        chosen_id=chosen,
        propensity=chances[chosen == "b"],
        policy=BASELINE if held_out else UNIFORM,
        shadows=() if held_out else (shadow,),
        fallbacks=fallbacks,
    )
    better = 0.0 if held_out else 0.1 * (1 if chosen == "b" else -1)
    return decision, draw.random() < TRUTH[variant] + better


def _tips(draw, now):
    tips, reactions = [], []
    for of, reward in drawn_tips(draw, now - timedelta(days=9), 1_500):
        tips.append(of)
        kinds = ("shown", "completed") if reward else ("shown",)
        reactions += feedback(of.request_id, of.decided_at, *kinds, user=of.user_id)
    return tips, reactions


def drawn_tips(draw, since, tips):
    """A bandit that leans to what went well; and each tenth caller, pleased with anything, asks for v1."""
    wins, losses = np.ones(3), np.ones(3)
    for number in range(tips):
        odds = np.exp(wins / (wins + losses) / 0.08)
        chances = tuple(0.05 + 0.85 * odds / odds.sum())
        forced = number % 10 == 0
        arm = 0 if forced else int(draw.choice(3, p=chances))
        reward = bool(draw.random() < (0.8 if forced else WORTH[arm]))
        yield (
            tip(
                f"t-{number}",
                since + timedelta(minutes=8 * number),
                VERSIONS[arm],
                None if forced else chances,
                user=f"u-{number % 211}",
                fallback="invalid_output" if draw.random() < 0.02 * (arm + 1) else None,
                latency_ms=float(draw.gamma(8, 30)),
                usage=Usage(prompt_tokens=120 + 30 * arm, completion_tokens=int(18 + draw.integers(12))),
            ),
            reward,
        )
        wins[arm] += reward and not forced
        losses[arm] += not reward and not forced
