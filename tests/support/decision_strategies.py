"""Hypothesis strategies of decisions in columns, with every kind of column that a decision can have."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

from hypothesis import strategies as st
from oo_contracts.checksums import with_checksums
from oo_contracts.events import (
    AssignmentFacts,
    ContextFacts,
    DecidedCandidate,
    ScoreDecision,
    ShadowPropensities,
)
from oo_contracts.score import ExperimentInfo, Fallback, ModelInfo, PolicyInfo
from oo_contracts.task import TaskFacts
from oo_contracts.wire import is_name

__all__ = ["POLICY", "decisions"]

POLICY = PolicyInfo(name="greedy", version="1")
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12).filter(is_name)
SINGLE = st.floats(width=32, allow_nan=False, allow_infinity=False)
DOUBLE = st.floats(allow_nan=False, allow_infinity=False)
WHOLE = st.integers(-40_000, 40_000).map(float)
OFFSETS = st.sampled_from([timedelta(0), timedelta(hours=5, minutes=30), timedelta(hours=-9), timedelta(seconds=-61)])
TIMES = st.datetimes(datetime.fromisoformat("0002-01-02"), datetime.fromisoformat("9998-12-30"))
INSTANTS = st.builds(lambda at, offset: at.replace(tzinfo=timezone(offset)), TIMES, OFFSETS)
DUES = (
    st.none()
    | st.dates(date(2, 1, 1), date(9998, 12, 30))
    | TIMES
    | TIMES.map(lambda at: at.replace(microsecond=0))
    | INSTANTS
)
AT = st.integers(0, 3 * 10**15).map(lambda step: datetime(2000, 1, 1, tzinfo=UTC) + timedelta(microseconds=step))
JSON = st.none() | st.booleans() | st.integers() | DOUBLE | st.sampled_from(["NaN", "Infinity", "-Infinity", "x"])


def or_same(values):
    """Lists of values, often of one value."""
    return lambda count: st.lists(values, min_size=count, max_size=count) | values.map(lambda one: [one] * count)


@st.composite
def tasks(draw):
    return tuple(
        draw(
            st.lists(
                st.builds(
                    TaskFacts,
                    id=NAMES,
                    priority=st.integers(1, 4),
                    due=DUES,
                    is_recurring=st.booleans(),
                    created_at=st.none() | TIMES | INSTANTS,
                    completed=st.booleans(),
                    labels=st.integers(0, 500),
                    content_length=st.integers(0, 16_384),
                    has_parent=st.booleans(),
                ),
                max_size=5,
                unique_by=lambda task: task.id,
            )
        )
    )


@st.composite
def propensities(draw, eligible):
    """One chosen index, and propensities that sum to 1; none where nothing is eligible."""
    able = [index for index, one in enumerate(eligible) if one]
    if not able:
        return None, [0.0] * len(eligible)
    parts = draw(st.lists(st.integers(1, 9), min_size=len(able), max_size=len(able)))
    shares = dict(zip(able, [part / sum(parts) for part in parts], strict=True))
    return draw(st.sampled_from(able)), [shares.get(index, 0.0) for index in range(len(eligible))]


@st.composite
def candidates(draw, about):
    ids = draw(st.just([task.id for task in about]) | st.lists(NAMES, max_size=5, unique=True))
    count = len(ids)
    kinds = draw(or_same(st.sampled_from(["task", "tip", "none", "later"]))(count))
    own = [name if kind == "task" else None for name, kind in zip(ids, kinds, strict=True)]
    known = st.sampled_from([None, "elsewhere", *(task.id for task in about)])
    task_ids = draw(st.just(own) | or_same(known)(count))
    versions = draw(or_same(st.sampled_from([None, "v1", "v2", "auto"]))(count))
    eligible = draw(or_same(st.booleans())(count))
    columns = draw(st.lists(st.sampled_from([SINGLE, DOUBLE, WHOLE, st.just(-0.0)]), max_size=6))
    rows = list(zip(*[draw(or_same(kind)(count)) for kind in columns], strict=True)) or [()] * count
    values = draw(or_same(SINGLE)(count))
    chosen, shares = draw(propensities(eligible))
    fields = zip(ids, kinds, task_ids, versions, eligible, rows, values, shares, strict=True)
    return chosen, tuple(
        DecidedCandidate(**dict(zip(DecidedCandidate.model_fields, item, strict=True))) for item in fields
    )


@st.composite
def decisions(draw):
    about = draw(tasks())
    chosen, items = draw(candidates(about))
    at = draw(AT)
    _, watched = draw(propensities([item.eligible for item in items]))
    fallback = st.builds(Fallback, feature=st.text(max_size=9), reason=st.sampled_from(["missing", "stale"]))
    features = st.dictionaries(NAMES, JSON, max_size=3)
    decision = ScoreDecision(
        event_id=draw(NAMES),
        request_id=draw(NAMES),
        user_id=draw(NAMES),
        decided_at=at,
        moment=ContextFacts(
            now=draw(st.just(at) | AT),
            timezone=draw(st.sampled_from(["UTC", "Asia/Kathmandu"])),
            tasks=about,
            profile=draw(st.none() | features),
            profile_computed_at=draw(st.none() | AT | st.dictionaries(NAMES, AT, max_size=2)),
        ),
        feature_set="ranker-v1@0",
        candidates=items,
        chosen_id=None if chosen is None else items[chosen].id,
        propensity=None if chosen is None else items[chosen].propensity,
        baseline_id=draw(st.sampled_from([None, "nobody", *(item.id for item in items)])),
        model=ModelInfo(name="tip-ranker", version="1"),
        policy=POLICY,
        experiment=draw(st.none() | st.just(ExperimentInfo(key="k", variant="v"))),
        shadows=draw(st.just(()) | st.just((ShadowPropensities(policy=POLICY, propensities=tuple(watched)),))),
        fallbacks=tuple(draw(st.lists(fallback, max_size=3))),
        degraded=draw(st.sampled_from([None, "predictor", "overload"])),
        assignment=draw(
            st.none() | st.just(AssignmentFacts(mode="active", unit="user", coverage=0.1, weights={"v": 1.0}))
        ),
        beliefs=draw(st.none() | features),
    ).in_columns()
    return with_checksums(decision) if draw(st.booleans()) else decision
