"""`drift` against a store: the weeks before as the reference, one broken feature found, a page that needs nothing."""

from __future__ import annotations

import json
import os
import re
import sys
from datetime import UTC, datetime, timedelta

import pytest
from oo_consumers.effect_store import Store
from oo_contracts.events import ScoreDecision
from oo_features.feature_sets import RANKER_V1
from oo_pipelines.__main__ import main
from oo_pipelines.drift import drift_options
from oo_pipelines.drift.window import BadSpan, Span, compare_windows
from oo_pipelines.simulation.simulate import Simulation
from oo_pipelines.simulation.simulated_users import SimulatedUsers

pytestmark = pytest.mark.long

NOW = datetime(2026, 11, 23, tzinfo=UTC)
WEEK = timedelta(days=7)
BROKEN = "profile.tip_volume_7d"
PLACE = RANKER_V1.names.index(BROKEN)


def quiet(*_):
    pass


def decisions():
    events = Simulation(SimulatedUsers(1, 150), NOW, 36).events()
    return [event for _, event in events if isinstance(event, ScoreDecision)]


def thousandfold(of):
    """As if the recommender sent milliseconds where it sent seconds."""
    rows = [
        item.model_copy(update={"row": (*item.row[:PLACE], 1_000 * item.row[PLACE] + 500, *item.row[PLACE + 1 :])})
        for item in of.candidates
    ]
    return of.model_copy(update={"candidates": tuple(rows)})


@pytest.fixture(scope="module")
def past():
    return decisions()


def stored(folder, events):
    url = f"sqlite:///{folder}/effects.db"
    store = Store.open(url)
    store.record_all("decisions", events)
    store.close()
    return url


@pytest.fixture(scope="module")
def clean(tmp_path_factory, past):
    return stored(tmp_path_factory.mktemp("clean"), past)


@pytest.fixture(scope="module")
def broken(tmp_path_factory, past):
    last = max(item.decided_at for item in past) - WEEK
    return stored(
        tmp_path_factory.mktemp("broken"), [thousandfold(item) if item.decided_at > last else item for item in past]
    )


@pytest.fixture
def command(monkeypatch, capsys):
    def run_it(url, *words):
        monkeypatch.setattr(sys, "argv", ["oo_pipelines", *words])
        monkeypatch.setattr(os, "environ", os.environ | {"OO_PIPELINE_STORE_URL": url})
        with pytest.raises(SystemExit) as done:
            main()
        said = capsys.readouterr()
        return done.value.code, said.out, said.err

    return run_it


UNTIL = "--until=2026-11-21"  # the simulated past ends the day before yesterday


def test_a_sound_week_is_quiet(clean, command):
    code, out, err = command(clean, "drift", "--since=7d", UNTIL)

    assert code == 0, out
    assert out.startswith("no drift: 2026-11-14T00:00..2026-11-21T00:00")
    assert "reading the window" in err


def test_a_changed_unit_is_named_first_and_alone(broken, command):
    code, out, _ = command(broken, "--output=json", "drift", "--since=7d", UNTIL)

    said = json.loads(out)
    assert (code, said["verdict"]) == (1, "drift")
    assert [item["feature"] for item in said["features"] if item["alarms"]] == [BROKEN]
    assert said["features"][0]["feature"] == BROKEN


def test_the_page_needs_nothing_from_anywhere(broken, command, tmp_path):
    code, _, _ = command(broken, "drift", "--since=7d", UNTIL, f"--html={tmp_path}/drift.html")

    page = (tmp_path / "drift.html").read_text()
    assert code == 1
    assert page.count("<svg") == page.count("<figcaption>") == len(RANKER_V1.names)
    assert not re.search(r"(?:src|href)=\"(?!#)", page)
    assert "<script" not in page
    assert "prefers-color-scheme: dark" in page
    assert page.index(BROKEN) < min(page.index(name) for name in RANKER_V1.names if name != BROKEN)


@pytest.mark.parametrize("until", ["2026-10-24", "2026-10-28"])
def test_a_young_system_says_that_it_cannot_say(clean, command, until):
    """The past begins on 16 October: the week before the later one is not whole, and has other weekdays."""
    code, out, _ = command(clean, "drift", "--since=7d", f"--until={until}")

    assert (code, out.splitlines()[0][:15]) == (0, "not enough data")


def test_against_other_hours_the_clock_is_left_out(clean, command):
    """A working day against a weekend: of course the weekday differs."""
    code, out, _ = command(
        clean, "--output=json", "drift", "--since=2026-11-18", UNTIL, "--reference=2026-11-14..2026-11-16"
    )

    tests = {item["feature"]: item["test"] for item in json.loads(out)["features"]}
    assert code in {0, 1}
    assert {name for name, test in tests.items() if test == "left out"} == {
        "context.hour_of_day",
        "context.day_of_week",
    }


def test_rounds_of_other_features_are_set_aside_and_counted(tmp_path, past):
    events = [
        item.model_copy(update={"feature_set": "ranker-v0@1"}) if place % 2 else item for place, item in enumerate(past)
    ]
    store = Store.open(stored(tmp_path, events))
    until = datetime(2026, 11, 21, tzinfo=UTC)

    found = compare_windows(store, RANKER_V1, Span(until - WEEK, until), None, quiet)
    store.close()

    inside = sum(until - 5 * WEEK <= item.decided_at < until for item in events if item.feature_set == "ranker-v0@1")
    assert found.drift.set_aside == {"ranker-v0@1": inside}


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--since=yesterday",), "--since: yesterday"),
        (("--since=2027-01-01", "--until=2026-01-01"), "ends before it begins"),
        (("--until=soon",), "--until: soon"),
        (("--reference=2026-11-01",), "--reference: 2026-11-01"),
        (("--since=7d", UNTIL, "--reference=2026-11-01..2026-11-15"), "overlaps"),
        (("--alpha=2",), "--alpha"),
        (("--alpha=much",), "--alpha"),
    ],
)
def test_misuse_is_exit_code_2_and_names_the_option(clean, command, words, named):
    code, _, err = command(clean, "drift", *words)

    assert code == 2
    assert named in err


def test_a_reference_that_touches_the_window_is_none():
    with pytest.raises(BadSpan):
        Span(NOW, NOW)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("2026-11-23T01:00:00+02:00..2026-11-23T09:00:00+09:00", "2026-11-22T23:00..2026-11-23T00:00"),
        ("2026-11-22T20:00:00-05:00..2026-11-23T12:00:00+05:45", "2026-11-23T01:00..2026-11-23T06:15"),
        ("2026-11-22..2026-11-23", "2026-11-22T00:00..2026-11-23T00:00"),
    ],
)
def test_a_span_is_told_in_utc(text, shown):
    assert str(Span(*drift_options.between(text, NOW))) == shown


def test_an_instant_outside_of_time_is_named():
    with pytest.raises(drift_options.BadDriftInput, match="--since: 0001-01-01"):
        drift_options.since("0001-01-01T00:00:00+14:00", NOW)
