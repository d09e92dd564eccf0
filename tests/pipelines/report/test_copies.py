"""How copies are counted: what is due, in which time, and how each ended."""

from __future__ import annotations

from datetime import timedelta

from example_events import NOON
from oo_contracts.score import ModelInfo
from oo_pipelines.report.copies import ENDINGS, count_copies
from report_events import prediction

LATER = NOON + timedelta(hours=1)


def live(number, minutes=0.0, version="1"):
    at = NOON + timedelta(minutes=minutes)
    return prediction(f"r-{number}", at, 1.0).model_copy(
        update={"model": ModelInfo(name="tip-ranker", version=version)}
    )


def copied(number, minutes=0.0, version="2", outcome="answered"):
    at = NOON + timedelta(minutes=minutes, seconds=1)
    model = ModelInfo(name="tip-ranker", version=version)
    return prediction(f"r-{number}", at, 1.0, "shadow").model_copy(update={"model": model, "outcome": outcome})


def counts(*events, now=LATER):
    return {item.model: {name: count for name, count in item.endings.items() if count} for item in
            count_copies(events, now)}  # fmt: skip


def test_every_ending_is_counted_in_any_order_of_the_events():
    outcomes = [ending for ending in ENDINGS if ending != "never"]
    events = [live(number) for number in range(len(outcomes) + 3)]
    events += [copied(number, outcome=outcome) for number, outcome in enumerate(outcomes)]

    assert counts(*events) == counts(*reversed(events)) == {"tip-ranker 2": dict.fromkeys(outcomes, 1) | {"never": 3}}


def test_what_was_called_before_the_mirror_is_not_due_nor_what_came_just_now():
    events = [live(0, minutes=-5), live(1), copied(1), live(2, minutes=1), live(3, minutes=59.5)]

    assert counts(*events) == {"tip-ranker 2": {"answered": 1, "never": 1}}


def test_the_first_copys_own_call_is_due_though_its_event_came_after_it():
    assert counts(live(0), live(1, minutes=0.01), copied(0), copied(1)) == {"tip-ranker 2": {"answered": 2}}


def test_one_challengers_time_ends_where_the_next_ones_begins():
    events = [live(0), copied(0), live(1, minutes=1), live(2, minutes=2), copied(2, minutes=2, version="3"),
              live(3, minutes=3)]  # fmt: skip

    assert counts(*events) == {
        "tip-ranker 2": {"answered": 1, "never": 1},
        "tip-ranker 3": {"answered": 1, "never": 1},
    }


def test_a_challenger_that_was_promoted_gets_no_copies_and_none_is_due():
    events = [live(0), copied(0), live(1), live(2, minutes=1, version="2"), live(3, minutes=2, version="2")]

    assert counts(*events) == {"tip-ranker 2": {"answered": 1, "never": 1}}


def test_a_copy_without_its_original_counts_and_one_that_came_twice_counts_once():
    """The original was refused, so there is no event of it."""
    refused = copied(7, outcome="refused")

    assert counts(live(0), copied(0), refused, refused.model_copy(update={"event_id": "again"})) == {
        "tip-ranker 2": {"answered": 1, "refused": 1}
    }


def test_without_copies_there_is_nothing_to_say():
    assert counts(live(0), live(1)) == {}


def test_an_event_of_before_is_one_that_was_answered():
    known = prediction("r-1", NOON, 1.0).model_dump_json(exclude={"outcome", "reason"})

    found = type(prediction("r-1", NOON, 1.0)).read_stored(known)

    assert (found.outcome, found.reason) == ("answered", None)
