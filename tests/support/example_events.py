"""Events for tests, each valid and told apart by what the test cares about."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from oo_contracts.events import ContextFacts, DecidedCandidate, Feedback, Prediction, ScoreDecision, Signal
from oo_contracts.score import ModelInfo, PolicyInfo

__all__ = ["NOON", "a_decision", "a_feedback", "a_prediction", "a_signal"]

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def a_signal(place=0):
    return Signal(event_id=f"s-{place}", user_id="u-1", type="app_opened", occurred_at=NOON, data={"n": place})


def a_feedback(request="r-1", reaction="completed", event=None, minutes=0, candidate="c-1"):
    return Feedback(
        event_id=event or f"f-{request}-{reaction}-{minutes}",
        request_id=request,
        candidate_id=candidate,
        user_id="u-1",
        reaction=reaction,
        occurred_at=NOON + timedelta(minutes=minutes),
    )


def a_decision(request="r-1", event=None, chosen="c-1", minutes=0):
    at = NOON + timedelta(minutes=minutes)
    return ScoreDecision(
        event_id=event or f"d-{request}",
        request_id=request,
        user_id="u-1",
        decided_at=at,
        moment=ContextFacts(now=at, timezone="UTC", tasks=(), profile=None),
        feature_set="ranker-v1@0",
        candidates=(DecidedCandidate(id="c-1", kind="tip", row=(1.0,), value=0.5, propensity=1.0),),
        chosen_id=chosen,
        propensity=1.0,
        baseline_id="c-1",
        model=ModelInfo(name="tip-ranker", version="1"),
        policy=PolicyInfo(name="greedy", version="1"),
    )


def a_prediction(version="1"):
    return Prediction(
        event_id=f"p-{version[:9]}",
        request_id="r-1",
        role="shadow",
        model=ModelInfo(name="tip-ranker", version=version),
        feature_set="ranker-v1@0",
        values=(0.1,),
        latency_ms=0.5,
        occurred_at=NOON,
    )
