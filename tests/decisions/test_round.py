"""The life of a round: open, shown, closed; only reactions to what was chosen move it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import get_args

import pytest
from example_events import NOON, a_decision
from hypothesis import given
from hypothesis import strategies as st
from oo_contracts.reward_table import DEFAULT_REWARDS, Reaction
from oo_decisions.round import ObservedReaction, RoundState, closed_round, round_outcome

WAIT = DEFAULT_REWARDS.wait
SHOWN = ObservedReaction("c-1", "shown", NOON)
OTHERS = ObservedReaction("c-2", "completed", NOON - timedelta(days=9))
reactions = st.lists(
    st.builds(
        ObservedReaction,
        st.sampled_from(("c-1", "c-2")),
        st.sampled_from(get_args(Reaction)),
        st.datetimes(datetime(2026, 11, 1), datetime(2026, 12, 1)).map(lambda at: at.replace(tzinfo=NOON.tzinfo)),  # noqa: DTZ001  # hypothesis wants them bare
    ),
    max_size=6,
)


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+00:00", "9999-12-31T23:59:59+00:00", "9999-12-31T23:59:59-12:00"])
def test_where_a_round_is_overflows_for_no_instant(at):
    """An older version stored such reactions."""
    shown = datetime.fromisoformat(at)

    assert round_outcome("c-1", [ObservedReaction("c-1", "shown", shown)], NOON, DEFAULT_REWARDS).state is (
        RoundState.CLOSED if shown < NOON else RoundState.SHOWN
    )


def test_a_round_closes_with_its_waiting_time():
    before = round_outcome("c-1", [SHOWN], NOON + WAIT - timedelta(microseconds=1), DEFAULT_REWARDS)
    after = round_outcome("c-1", [SHOWN], NOON + WAIT, DEFAULT_REWARDS)

    assert (before.state, before.reward, before.closes_at) == (RoundState.SHOWN, None, NOON + WAIT)
    assert (after.state, after.reward, after.closes_at) == (RoundState.CLOSED, 0.0, NOON + WAIT)


def test_a_reaction_to_another_candidate_says_nothing_about_the_choice():
    assert round_outcome("c-1", [OTHERS], NOON, DEFAULT_REWARDS).state is RoundState.OPEN
    assert round_outcome(None, [OTHERS], NOON, DEFAULT_REWARDS).reward == 1.0
    assert closed_round(a_decision(), [OTHERS], NOON, DEFAULT_REWARDS) is None


def test_where_nothing_was_chosen_nothing_was_shown():
    decision = a_decision().model_copy(update={"chosen_id": None, "propensity": None})

    assert closed_round(decision, [SHOWN, OTHERS], NOON + WAIT, DEFAULT_REWARDS) is None


@given(reactions, st.randoms(use_true_random=False), st.timedeltas(timedelta(days=-9), timedelta(days=9)))
def test_no_order_of_arrival_and_no_repeat_changes_an_outcome(observed, random, later):
    shuffled = [*observed, *observed[:2]]
    random.shuffle(shuffled)

    outcome = round_outcome("c-1", observed, NOON + later, DEFAULT_REWARDS)

    assert round_outcome("c-1", shuffled, NOON + later, DEFAULT_REWARDS) == outcome
    assert (outcome.reward is None) is (outcome.state is not RoundState.CLOSED)


@given(reactions, st.timedeltas(timedelta(days=-9), timedelta(days=9)))
def test_a_closed_round_is_the_outcome_of_its_decision(observed, later):
    outcome = round_outcome("c-1", observed, NOON + later, DEFAULT_REWARDS)
    found = closed_round(a_decision(), observed, NOON + later, DEFAULT_REWARDS)

    assert (found and (found.reward, found.shown_at)) == (
        (outcome.reward, outcome.shown_at) if outcome.state is RoundState.CLOSED else None
    )
