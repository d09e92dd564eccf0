"""Reports of prompt versions: weighted rewards have the truth where naive means miss it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from oo_consumers.effect_store import Store
from oo_contracts.generate import Usage
from oo_contracts.reward_table import DEFAULT_REWARDS
from oo_decisions.round import RoundOutcome, RoundState
from oo_experiments.ope.arm_means import arm_means
from oo_pipelines.report.prompt_report import prompts
from oo_pipelines.report.render_prompts import render_prompts
from oo_pipelines.report.round_outcomes import LoggedTip, tips
from report_events import VERSIONS, WORTH, drawn_tips, feedback, tip

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=5)
RUNS, TIPS = 40, 600


@pytest.fixture(scope="module")
def runs():
    """Each what is reported of one bandit's tips."""
    return [
        prompts(
            [
                LoggedTip(of, RoundOutcome(RoundState.CLOSED, float(reward)))
                for of, reward in drawn_tips(draw, LONG_AGO, TIPS)
            ]
        )
        for draw in map(np.random.default_rng, range(RUNS))
    ]


def test_weighted_intervals_have_the_truth(runs):
    covered = [
        item.reward.lower <= truth <= item.reward.upper
        for found in runs
        for item, truth in zip(found.versions, WORTH, strict=True)
    ]

    assert np.mean(covered) > 0.88


def test_naive_means_are_more_than_3_standard_errors_off(runs):
    off = np.array([found.versions[0].naive_reward - WORTH[0] for found in runs])

    assert off.mean() / (off.std() / np.sqrt(RUNS)) > 3


def test_what_callers_named_is_set_aside_and_counted(runs):
    v1, *others = runs[0].versions

    assert (v1.forced, [item.forced for item in others]) == (TIPS / 10, [0, 0])
    assert sum(item.drawn for item in runs[0].versions) == TIPS * 0.9


@pytest.fixture
def store(tmp_path):
    store = Store.open(f"sqlite:///{tmp_path}/effects.db")
    yield store
    store.close()


def test_each_tip_is_counted_where_it_is(store):
    even = (0.25, 0.75)
    store.record_all(
        "decisions",
        [
            tip("r-1", LONG_AGO, "v1", even, latency_ms=100.0, usage=Usage(prompt_tokens=10, completion_tokens=4)),
            tip("r-2", LONG_AGO, "v1", even, latency_ms=300.0, fallback="timeout", usage=Usage()),
            tip("r-3", NOW, "v1", even, latency_ms=200.0, fallback="invalid_output", usage=Usage(prompt_tokens=20)),
            tip("r-4", LONG_AGO, "v1", latency_ms=200.0, usage=Usage(prompt_tokens=10)),
            tip("r-5", LONG_AGO, "v1", (1.0,), latency_ms=200.0, usage=Usage(prompt_tokens=10)),
            tip("r-6", LONG_AGO, "v2", even, user="u-2", candidate_id="a"),
            tip("r-6", LONG_AGO, "v2", even, user="u-2", candidate_id="a", event_id="g-r-6-z"),
            tip("r-7", LONG_AGO, "v2", even, candidate_id="a"),
        ],
    )
    store.record_all(
        "feedback",
        [
            *feedback("r-1", LONG_AGO, "completed", to="whatever"),
            *feedback("r-2", LONG_AGO, "shown"),
            *feedback("r-3", NOW, "shown"),
            *feedback("r-4", LONG_AGO, "completed"),
            *feedback("r-6", LONG_AGO, "shown"),
            *feedback("r-7", LONG_AGO, "completed", to="b"),
        ],
    )

    found = prompts(tips(store, NOW, DEFAULT_REWARDS))

    v1, v2 = found.versions
    assert (v1.drawn, v1.certain, v1.forced, v1.closed, v1.shown, v1.unseen) == (3, 1, 1, 2, 1, 0)
    assert (v2.drawn, v2.closed, v2.unseen) == (2, 1, 1)
    assert (v1.latency_ms.p50, v1.latency_ms.count) == (200.0, 5)
    assert (v1.prompt_tokens, v1.completion_tokens) == (10.0, 0.8)
    assert v1.fallbacks == {"invalid_output": 1, "timeout": 1}
    assert (v1.fallback_rate, v1.invalid_output_rate) == (0.4, 0.2)
    assert v1.naive_reward == pytest.approx(2 / 3)
    by_hand = arm_means(np.array([0, 0, 1]), np.array([even] * 3), np.array([1.0, 0.0, 0.0]), np.array([0, 0, 1]))
    assert (v1.reward, v2.reward) == by_hand
    assert (found.users, found.last_closes_at) == (2, NOW + DEFAULT_REWARDS.wait)


def test_since_leaves_tips_out():
    some = [
        LoggedTip(of, RoundOutcome(RoundState.OPEN)) for of, _ in drawn_tips(np.random.default_rng(1), LONG_AGO, 20)
    ]

    found = prompts(some, some[15].event.decided_at)

    assert sum(item.drawn + item.forced for item in found.versions) == 5


def a_tip(version="v1", chances=(0.5, 0.5), reward=1.0, user="u-1"):
    outcome = RoundOutcome(RoundState.OPEN) if reward is None else RoundOutcome(RoundState.CLOSED, reward)
    return LoggedTip(tip("r", LONG_AGO, version, chances, user=user), outcome)


@pytest.mark.parametrize(
    ("some", "text"),
    [
        ([], "No tip has been written yet."),
        ([a_tip(chances=None)], "No version was drawn among several"),
        ([a_tip(chances=(1.0,))], "No version was drawn among several"),
        ([a_tip(reward=None)], "No version was drawn among several"),
        ([a_tip(), a_tip("v2", reward=0.0)], "1 users have closed tips that were drawn: too few"),
        ([a_tip(user=f"u-{n}") for n in range(30)], "no other version was drawn and closed."),
        ([a_tip(("v1", "v2")[n % 2], user=f"u-{n}") for n in range(60)], "overlap: undecided"),
    ],
)
def test_a_report_of_little_says_so(some, text):
    assert text in render_prompts(prompts(some)).answer


def test_versions_that_are_far_apart_are_told_apart(runs):
    told = render_prompts(runs[0])

    assert told.answer.startswith(f"{VERSIONS[2]} earns most")
    assert told.answer.endswith("do not meet.")
    assert len(told.figures) == 2
