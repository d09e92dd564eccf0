"""Reports of experiments: counts and means by hand, differences whose truth is known, and every way to be empty."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from oo_consumers.effect_store import Store
from oo_contracts.reward_table import DEFAULT_REWARDS
from oo_contracts.score import Fallback, PolicyInfo
from oo_decisions.round import RoundOutcome, RoundState
from oo_pipelines.report.experiment_report import experiment_results
from oo_pipelines.report.render_experiment import render_experiments
from oo_pipelines.report.round_outcomes import LoggedRound, scores, tips
from report_events import TRUTH, feedback, filled, prediction, score, tip

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
LONG_AGO, TODAY = NOW - timedelta(days=5), NOW - timedelta(hours=2)


@pytest.fixture
def store(tmp_path):
    store = Store.open(f"sqlite:///{tmp_path}/effects.db")
    yield store
    store.close()


def reported(store, about="candidates", since=None, now=NOW):
    if about == "candidates":
        return list(experiment_results(list(scores(store, now, DEFAULT_REWARDS)), about, since))
    return list(
        experiment_results(
            [item for one in tips(store, now, DEFAULT_REWARDS) if (item := one.logged_round())], about, since
        )
    )


def a_round(number, variant, reward, *, user=None, at=None, weights=(0.5, 0.5), past=False, **other):
    """Closed, straight from its values; of the past it is in no experiment."""
    of = score(
        f"r-{number}",
        at or LONG_AGO + timedelta(minutes=number),
        experiment=None if past else "tone",
        variant=variant,
        weights=dict(zip(("calm", "bold"), weights, strict=True)),
    )
    known = {
        "request_id": of.request_id,
        "user_id": user or f"u-{number}",
        "decided_at": of.decided_at,
        "outcome": RoundOutcome(RoundState.CLOSED, reward),
        "policy": of.policy,
        "experiment": of.experiment,
        "assignment": of.assignment,
        "fell_back": False,
        "degraded": False,
    }
    return LoggedRound(**(known | other))


def in_words(rounds):
    (told,) = render_experiments(list(experiment_results(rounds, "candidates")), None, ())
    return told.answer


def test_each_round_is_counted_where_it_is(store):
    known = {"experiment": "tone"}
    fallback = (Fallback(feature="profile.age", reason="stale"),)
    store.record_all(
        "decisions",
        [
            score("r-1", LONG_AGO, user="u-1", **known),
            score("r-2", LONG_AGO, user="u-1", fallbacks=fallback, **known),
            score("r-3", TODAY, user="u-2", policy=PolicyInfo(name="greedy", version="1"), **known),
            score("r-4", LONG_AGO, user="u-2", **known),
            score("r-5", LONG_AGO, user="u-3", variant="bold", **known),
            score("r-6", LONG_AGO, user="u-3", chosen_id=None, propensity=None, **known),
        ],
    )
    store.record_all(
        "feedback",
        [
            *feedback("r-1", LONG_AGO, "shown", "completed"),
            *feedback("r-2", LONG_AGO, "shown"),
            *feedback("r-3", TODAY, "shown", "completed"),
            *feedback("r-4", LONG_AGO, "completed", to="b"),
            *feedback("r-5", LONG_AGO, "dismissed"),
        ],
    )
    took = [prediction(f"r-{number}", LONG_AGO, float(number)) for number in (1, 2, 3)]
    store.record_all("predictions", [*took, prediction("r-1", LONG_AGO, 900.0, "shadow")])

    (found,) = reported(store)

    calm, bold = found.variants
    assert (calm.name, calm.counts.users, calm.counts.closed, calm.counts.shown, calm.counts.unseen) == (
        "calm", 2, 2, 1, 1,
    )  # fmt: skip
    assert calm.counts.activation == 0.75
    assert calm.reward.value == 0.5
    assert (calm.latency_ms.count, calm.latency_ms.p50) == (3, 2.0)
    assert calm.policies == {"uniform 1": 3, "greedy 1": 1}
    assert (bold.counts.closed, bold.latency_ms, bold.tokens) == (1, None, None)
    assert found.last_closes_at == TODAY + DEFAULT_REWARDS.wait
    assert found.ratio.observed == (2.0, 1.0)
    (contrast,) = found.contrasts
    assert (contrast.variant, contrast.reference, contrast.verdict) == ("bold", "calm", "too few users")
    assert contrast.difference.estimate == pytest.approx(bold.reward.value - 0.5)
    fell_back = {item.metric: item.difference.estimate for item in contrast.guardrails}
    assert fell_back == pytest.approx({"feature fallbacks": -0.25, "degraded": 0.0, "never seen": -0.25})


def test_a_simulated_difference_is_found_and_decided(store):
    filled(store, NOW)

    (found,) = reported(store)

    bold, holdout = found.contrasts
    truth = TRUTH["bold"] - TRUTH["calm"]
    assert abs(bold.difference.estimate - truth) < 4 * bold.difference.stderr
    assert bold.verdict == "better"
    assert (holdout.variant, holdout.guardrails) == ("holdout", ())
    assert [look.at for look in bold.course] == sorted(look.at for look in bold.course)
    last = bold.course[-1]
    assert (last.estimate, last.lower) == pytest.approx((bold.difference.estimate, bold.difference.sequence_lower))
    assert not found.ratio.alarm
    assert "decided" in next(iter(render_experiments([found], None, ()))).answer


def test_open_rounds_do_not_pull_the_reward_down(store):
    """Reactions take up to a day; a dashboard that counts what is open as 0 is a quarter too low."""
    draw = np.random.default_rng(3)
    at = [NOW - timedelta(days=3) * share for share in draw.random(1_500)]
    reward = draw.random(1_500) < 0.4
    late = [one + timedelta(hours=24) * share for one, share in zip(at, draw.random(1_500), strict=True)]
    store.record_all(
        "decisions",
        [score(f"r-{n}", one, user=f"u-{n}", experiment="tone", weights={"calm": 1.0}) for n, one in enumerate(at)],
    )
    for number, (one, then) in enumerate(zip(at, late, strict=True)):
        store.record_all("feedback", feedback(f"r-{number}", one, "shown"))
        if reward[number] and then <= NOW:
            store.record_all("feedback", feedback(f"r-{number}", then, "completed"))

    (found,) = reported(store)

    (calm,) = found.variants
    naive = sum(then <= NOW for then, of in zip(late, reward, strict=True) if of) / len(at)
    assert abs(calm.reward.value - 0.4) < 4 * calm.reward.stderr
    assert naive < 0.37
    assert calm.counts.closed + calm.counts.shown == 1_500


def test_more_came_to_one_variant_than_should_have():
    rounds = [a_round(number, "calm" if number % 12 < 7 else "bold", 0.0) for number in range(1_200)]

    (found,) = experiment_results(rounds, "candidates")

    assert found.ratio.observed == (700.0, 500.0)
    assert found.ratio.expected == (600.0, 600.0)
    assert found.ratio.alarm
    assert in_words(rounds).startswith("The variants have not got the users")


def test_every_violated_guardrail_is_named():
    rounds = []
    for number in range(400):
        variant = ("calm", "bold")[number % 2]
        ill = variant == "bold" and number % 5 > 0
        rounds.append(a_round(number, variant, 0.0, fell_back=ill, degraded=ill))

    assert "It violates the guardrail of feature fallbacks and of degraded." in in_words(rounds)


def test_units_are_expected_by_the_weights_of_their_first_round():
    even = [a_round(number, "calm" if number % 2 else "bold", 0.0) for number in range(100)]
    later = [a_round(number, "calm" if number % 10 else "bold", 0.0, weights=(0.9, 0.1)) for number in range(100, 300)]
    again = [a_round(300, "calm", 0.0, user="u-0", weights=(0.9, 0.1))]

    (found,) = experiment_results([*even, *later, *again], "candidates")

    assert found.ratio.observed == (50.0 + 180, 50.0 + 20)
    assert found.ratio.expected == pytest.approx((50 + 180, 50 + 20))
    assert (found.ratio.moved, found.ratio.alarm) == (1, False)


def test_what_users_earned_before_takes_noise_out():
    draw = np.random.default_rng(4)
    liking = draw.random(400)
    before = [a_round(n, "", liking[n] + draw.normal(0, 0.1), past=True) for n in range(400)]
    rounds = [
        a_round(400 + n, "calm" if n % 2 else "bold", liking[n] + 0.05 * (n % 2 == 0), user=f"u-{n}")
        for n in range(400)
    ]

    (found,) = experiment_results([*before, *rounds], "candidates")

    (contrast,) = found.contrasts
    assert 0 < contrast.adjusted.variance_ratio < 0.4
    assert contrast.adjusted.stderr < contrast.difference.stderr
    assert abs(contrast.adjusted.estimate - 0.05) < 4 * contrast.adjusted.stderr
    told = next(iter(render_experiments([found], None, ())))
    assert any("CUPED" in note for sheet in told.sheets for note in sheet.notes)


def test_since_leaves_rounds_out_but_remembers_the_past():
    before = [a_round(n, "", 1.0, past=True, user=f"u-{n}") for n in range(80)]
    rounds = [a_round(100 + n, "calm" if n % 2 else "bold", 0.0, user=f"u-{n % 80}") for n in range(200)]

    (found,) = experiment_results([*before, *rounds], "candidates", rounds[100].decided_at)

    assert sum(item.counts.closed for item in found.variants) == 100
    assert found.contrasts[0].adjusted is not None
    assert list(experiment_results(rounds, "candidates", NOW)) == []


def test_tips_are_rounds_of_an_experiment_about_prompts(store):
    store.record_all(
        "decisions",
        [
            tip("r-1", LONG_AGO, "v2", (0.5, 0.5)),
            tip("r-2", LONG_AGO, "v1", (0.5, 0.5), fallback="timeout", latency_ms=400.0),
            tip("r-3", LONG_AGO, "v1"),
        ],
    )
    store.record_all("feedback", feedback("r-1", LONG_AGO, "completed", to="any"))

    (found,) = reported(store, "prompts")

    (only,) = found.variants
    assert (found.key, only.counts.closed, only.counts.unseen) == ("words", 1, 1)
    assert (only.tokens, only.latency_ms.p50, only.reward.value) == (120.0, 300.0, 1.0)
    assert found.ratio is None
    assert "nothing to compare" in next(iter(render_experiments([found], None, ()))).answer


def test_one_variant_is_compared_with_the_holdout():
    holdout = score("h", LONG_AGO, experiment="holdout", variant="baseline", weights={"baseline": 1.0}, mode="holdout")
    rounds = []
    for number in range(200):
        of = a_round(number, "calm", float(number % 3 == 0), weights=(1.0, 0.0))
        held = {"experiment": holdout.experiment, "assignment": holdout.assignment, "user": f"h-{number}"}
        rounds += [of, a_round(number, "", 0.0, at=of.decided_at, **held)] if number % 2 else [of]
    only = [item for item in rounds if item.assignment.mode == "holdout" or item.experiment.variant == "calm"]

    (found,) = experiment_results(only, "candidates")

    assert found.contrasts[0].reference == "calm"  # bold has a weight of nothing, but is a variant
    alone = [item for item in only if item.assignment.mode == "holdout"]
    for item in only:
        if item.assignment.mode == "active":
            facts = item.assignment.model_copy(update={"weights": {"calm": 1.0}})
            alone.append(a_round(int(item.request_id[2:]), "calm", item.outcome.reward, assignment=facts))
    (found,) = experiment_results(sorted(alone, key=lambda item: item.decided_at), "candidates")
    (contrast,) = found.contrasts
    assert (contrast.variant, contrast.reference, contrast.verdict) == ("calm", "holdout", "better")


@pytest.mark.parametrize(
    ("rounds", "text"),
    [
        ([], "There is no round of an experiment yet."),
        ([a_round(1, "calm", None, outcome=RoundOutcome(RoundState.OPEN))], "No round is closed yet"),
        ([a_round(1, "calm", 1.0)], "bold and calm cannot be compared: one of them has no closed round."),
        ([a_round(1, "calm", 1.0, assignment=None)], "calm is alone"),
        ([a_round(1, "calm", 1.0), a_round(2, "bold", 1.0)], "too few users for an interval"),
        ([a_round(number, "calm" if number % 2 else "bold", 0.0) for number in range(100)], "undecided"),
    ],
)
def test_a_report_of_little_says_so(rounds, text):
    assert text in in_words(rounds)


def test_an_unknown_experiment_is_told_with_the_known_ones():
    (told,) = render_experiments([], "tone", ("words", "colour"))

    assert told.answer == "There is no round of the experiment tone yet. There are rounds of words, colour."


def at_home(hours, *, day=17, hour=9):
    """A wall clock's instant in a zone so many hours from UTC."""
    return datetime(2026, 11, day, hour, tzinfo=timezone(timedelta(hours=hours)))


@pytest.mark.parametrize(
    ("first", "last", "text"),
    [
        (at_home(14), at_home(-11), "2026-11-16 19:00 UTC to 2026-11-17 20:00 UTC"),
        (at_home(9, hour=1), at_home(0, day=16, hour=23), "2026-11-16 16:00 UTC to 2026-11-16 23:00 UTC"),
        (at_home(5.75), at_home(5.75, hour=10), "2026-11-17 03:15 UTC to 2026-11-17 04:15 UTC"),
        (at_home(-5, hour=22), at_home(1, day=18, hour=9), "2026-11-18 03:00 UTC to 2026-11-18 08:00 UTC"),
    ],
    ids=["from the first zone to the last", "a day before by the clock", "Kathmandu", "New York, then Berlin"],
)
def test_instants_are_told_in_utc_whatever_zone_a_decision_was_made_in(store, first, last, text):
    store.record_all("decisions", [score(f"r-{at}", at, experiment="tone") for at in (first, last)])

    (result,) = reported(store)
    (told,) = render_experiments([result], None, ())

    assert told.remarks[0].startswith(f"{text}, assigned")
    assert (result.first.utcoffset(), result.last.utcoffset()) == (timedelta(), timedelta())


def test_the_end_of_waiting_is_told_in_utc(store):
    shown = NOW.astimezone(timezone(timedelta(hours=-9)))
    store.record_all("decisions", [score("r-1", shown, experiment="tone")])
    store.record_all("feedback", feedback("r-1", shown, "shown"))

    (told,) = render_experiments(reported(store), None, ())

    assert "the last until 2026-11-24 12:00 UTC" in told.remarks[1]
