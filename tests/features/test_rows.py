"""Rows: the declared fallback with its reason for whatever is wrong, the user's own clock, one number for all."""

from __future__ import annotations

import dataclasses
import math
import struct
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oo_contracts.events import ContextFacts
from oo_contracts.score import Candidate
from oo_contracts.task import TaskFacts
from oo_contracts.task_columns import CandidateColumns
from oo_features.feature_context import FeatureContext
from oo_features.feature_set import FeatureSet
from oo_features.feature_sets import RANKER_V1
from oo_features.profile_schema import PROFILE_FEATURES

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
NONE = Candidate(id="none", kind="none")
columns = CandidateColumns.from_candidates


def about_tasks(moment):
    return columns([Candidate(id=name, task_id=name) for name in moment.tasks.ids])


def row(moment, candidate=NONE):
    return dict(
        zip(
            RANKER_V1.names,
            RANKER_V1.rows(moment, columns([candidate])).values[0].tolist(),
            strict=True,
        )
    )


def with_profile(profile, computed_at=None):
    return FeatureContext.at(NOW, "UTC", (), profile, computed_at)


def reasons(moment):
    return {item.feature: item.reason for item in RANKER_V1.rows(moment, columns([NONE])).fallbacks}


GOOD = {"float32": 0.25, "int": 3}
WRONG = [
    pytest.param(None, "null", id="null"),
    pytest.param("1", "invalid", id="text"),
    pytest.param(True, "invalid", id="a boolean"),
    pytest.param([1], "invalid", id="a list"),
    pytest.param({}, "invalid", id="an object"),
    pytest.param(math.nan, "invalid", id="NaN"),
    pytest.param(math.inf, "invalid", id="Infinity"),
    pytest.param(-math.inf, "invalid", id="-Infinity"),
    pytest.param(-1, "out_of_range", id="below"),
]


@pytest.mark.parametrize("feature", PROFILE_FEATURES, ids=lambda item: item.name)
@pytest.mark.parametrize(("value", "reason"), WRONG)
def test_a_wrong_value_falls_back_and_says_why(feature, value, reason):
    moment = with_profile({item.name: GOOD[item.dtype] for item in PROFILE_FEATURES} | {feature.name: value})

    assert row(moment)[feature.full_name] == pytest.approx(feature.fallback)
    assert reasons(moment) == {"context.overdue_share": "unknown", "context.due_today_share": "unknown",
                               "context.urgent_share": "unknown", feature.full_name: reason}  # fmt: skip


@pytest.mark.parametrize("feature", PROFILE_FEATURES, ids=lambda item: item.name)
def test_a_value_is_stale_one_second_after_its_ttl(feature):
    profile = {item.name: GOOD[item.dtype] for item in PROFILE_FEATURES}

    fresh = with_profile(profile, {feature.name: NOW - feature.ttl})
    stale = with_profile(profile, {feature.name: NOW - feature.ttl - timedelta(seconds=1)})

    assert feature.full_name not in reasons(fresh)
    assert reasons(stale)[feature.full_name] == "stale"
    assert row(stale)[feature.full_name] == pytest.approx(feature.fallback)


def test_without_a_profile_everything_is_missing():
    assert {reasons(with_profile(None))[item.full_name] for item in PROFILE_FEATURES} == {"missing"}


def test_an_integer_may_be_written_as_3_0_but_not_as_3_5():
    assert row(with_profile({"preferred_hour": 3.0}))["profile.preferred_hour"] == 3
    assert reasons(with_profile({"preferred_hour": 3.5}))["profile.preferred_hour"] == "invalid"


def test_what_belongs_to_no_task_is_the_declared_fallback():
    found = row(FeatureContext.at(NOW, "UTC"), Candidate(id="tip", kind="tip"))

    for feature in RANKER_V1.candidate:
        if feature.source == "todoist":
            assert found[feature.full_name] == feature.fallback


def test_a_due_day_is_counted_on_the_users_calendar():
    task = TaskFacts(id="t", due="2026-11-24T00:30:00Z")
    about = Candidate(id="c", task_id="t")

    berlin = row(FeatureContext.at(NOW, "Europe/Berlin", (task,)), about)
    new_york = row(FeatureContext.at(NOW, "America/New_York", (task,)), about)

    assert berlin["candidate.days_until_due"] == 1
    assert new_york["candidate.days_until_due"] == 0
    assert berlin["candidate.hours_until_due"] == new_york["candidate.hours_until_due"] == 15


days = st.dates(datetime(2020, 1, 1).date(), datetime(2032, 1, 1).date())  # noqa: DTZ001  # only the date
dues = st.none() | days | st.datetimes(datetime(2020, 1, 1), datetime(2032, 1, 1))  # noqa: DTZ001  # floating
tasks = st.lists(
    st.builds(
        TaskFacts,
        id=st.uuids().map(str),
        priority=st.integers(1, 4),
        due=dues,
        created_at=st.none() | st.datetimes(datetime(2020, 1, 1), datetime(2032, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
        completed=st.booleans(),
        labels=st.integers(0, 20),
        content_length=st.integers(0, 500),
    ),
    max_size=8,
    unique_by=lambda task: task.id,
).map(tuple)
profiles = st.none() | st.dictionaries(
    st.sampled_from([item.name for item in PROFILE_FEATURES]),
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
)
zones = st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kathmandu", "Pacific/Apia", "America/St_Johns"])
instants = st.datetimes(datetime(2021, 1, 1), datetime(2031, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
moments = st.builds(FeatureContext.at, instants, zones, tasks, profiles)


@given(moments)
def test_every_number_is_finite_within_bounds_and_a_float32(moment):
    found = RANKER_V1.rows(moment, about_tasks(moment))

    for values in found.values.tolist():
        for feature, value in zip(RANKER_V1.features, values, strict=True):
            assert math.isfinite(value)
            assert feature.low - 1e-6 <= value <= feature.high + 1e-6 or value == pytest.approx(feature.fallback)
            assert struct.unpack("f", struct.pack("f", value))[0] == value


@given(
    moments.filter(
        lambda moment: not any(isinstance(x, float) and not math.isfinite(x) for x in (moment.profile or {}).values())
    )
)
def test_a_logged_moment_gives_the_row_that_was_served(moment):
    candidates = about_tasks(moment)
    logged = FeatureContext.from_facts(ContextFacts.model_validate_json(moment.facts().model_dump_json()))

    again, served = RANKER_V1.rows(logged, candidates), RANKER_V1.rows(moment, candidates)
    assert again.values.tobytes() == served.values.tobytes()
    assert (again.fallbacks, again.profile_known) == (served.fallbacks, served.profile_known)


def test_a_set_refuses_one_name_twice():
    with pytest.raises(ValueError, match="hour_of_day twice"):
        FeatureSet("broken", (RANKER_V1.context[0], RANKER_V1.context[0]))


def test_order_fallback_and_bounds_change_the_fingerprint():
    first, *others = RANKER_V1.context
    sets = [
        RANKER_V1.context,
        (*others, first),
        (dataclasses.replace(first, fallback=first.fallback + 1), *others),
        (dataclasses.replace(first, high=99), *others),
        (dataclasses.replace(first, dtype="float32"), *others),
        tuple(others),
    ]

    assert len({FeatureSet("x", context).fingerprint for context in sets}) == len(sets)
