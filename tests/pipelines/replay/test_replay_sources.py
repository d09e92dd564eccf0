"""Replay of what is kept: columns beside events, rows and seals that are gone, and the log beside the store."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta

import pytest
from oo_consumers.effect_store import Store
from oo_consumers.lake.delta import Lake
from oo_consumers.lake.tables import TABLES, StreamEvent
from oo_contracts.checksums import with_checksums
from oo_contracts.events import GenerateDecision, ScoreDecision
from oo_pipelines.__main__ import main
from oo_pipelines.replay import replay_store
from oo_pipelines.replay.cross_check import SETTLING_TIME
from oo_pipelines.settings import PipelineSettings
from oo_pipelines.simulation.simulate import Simulation
from oo_pipelines.simulation.simulated_users import SimulatedUsers
from report_events import tip

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
PAST = [event for _, event in Simulation(SimulatedUsers(5, 12), NOW, 4).events() if isinstance(event, ScoreDecision)][
    :40
]
PAST.sort(key=lambda event: event.decided_at)
ONE = PAST[10]
TIPS = [
    tip(f"t-{number}", PAST[0].decided_at + timedelta(hours=number), "v1", event_id=f"g-{number:03}")
    for number in range(50)
]
BY_NAME = {table.name: table for table in TABLES}


class Kept:
    """A store and a log of the same events, to be spoilt."""

    def __init__(self, folder):
        self.settings = PipelineSettings(
            store_url=f"sqlite:///{folder}/effects.db",
            lake_url=str(folder / "lake"),
            tracking_uri=f"sqlite:///{folder}/mlflow.db",
        )

    def fill(self, store, log):
        opened = Store.open(self.settings.store_url)
        opened.record_all("decisions", store)
        opened.close()
        lake = Lake(self.settings.lake_url)
        for name, kind in (("decisions", ScoreDecision), ("generations", GenerateDecision)):
            events = [event for event in log if isinstance(event, kind)]
            placed = [StreamEvent(at, NOW, event, event.encode().decode()) for at, event in enumerate(events, start=1)]
            lake.append(BY_NAME[name], "S", placed)
        return self

    def sql(self, statement, *values):
        store = Store.open(self.settings.store_url)
        with store.engine.begin() as connection:
            connection.exec_driver_sql(statement, values)
        store.close()

    def replayed(self, **options):
        return replay_store.replay_stored(self.settings, replay_store.ReplayOptions(**options), lambda *_: None).report


@pytest.fixture
def kept(tmp_path):
    return Kept(tmp_path).fill([*PAST, *TIPS], [*PAST, *TIPS])


def named(report):
    return [(item.request_id, item.what) for item in report.first]


def test_a_sound_past_is_compared_whole(kept):
    report = kept.replayed()

    assert (report.differences, report.unsettled) == (0, 0)
    assert report.compared == len(PAST) + len(TIPS)
    assert report.sound()


# Columns beside the event


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("chosen_id", "nobody"),
        ("chosen_id", None),
        ("user_id", "somebody else"),
        ("decided_at", "2026-11-20 00:00:00.000001"),
        ("event_id", "another"),
    ],
)
def test_a_changed_column_of_a_decision_is_named(kept, column, value):
    kept.sql(f"update decisions set {column} = ? where request_id = ?", value, ONE.request_id)  # noqa: S608

    report = kept.replayed()

    assert (ONE.request_id, f"column {column} of the store") in named(report)
    assert report.differing == 1
    assert not report.sound()


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("prompt_version", "v2"),
        ("user_id", "somebody else"),
        ("fallback", "timeout"),
        ("latency_ms", 200.00000000000003),
        ("decided_at", "2026-11-20 00:00:00.000001"),
    ],
)
def test_a_changed_column_of_a_tip_is_named(kept, column, value):
    kept.sql(f"update generations set {column} = ? where event_id = 'g-007'", value)  # noqa: S608

    assert named(kept.replayed()) == [("t-7", f"column {column} of the store")]


@pytest.mark.parametrize("column", ["chosen_id", "user_id", "propensity", "model_version", "feature_set", "decided_at"])
def test_a_changed_column_of_the_log_is_named(tmp_path, column, monkeypatch):
    kept = Kept(tmp_path)
    table = BY_NAME["decisions"]
    other = {
        "chosen_id": "nobody", "user_id": "u", "propensity": 0.123, "model_version": "9", "feature_set": "x@0",
        "decided_at": ONE.decided_at + timedelta(microseconds=1),
    }[column]  # fmt: skip
    spoilt = ONE.model_copy(
        update={"model": ONE.model.model_copy(update={"version": other})}
        if column == "model_version"
        else {column: other}
    )
    kept.fill(PAST, [])
    placed = [
        StreamEvent(at, NOW, spoilt if event is ONE else event, event.encode().decode())
        for at, event in enumerate(PAST, 1)
    ]
    Lake(kept.settings.lake_url).append(table, "S", placed)

    assert named(kept.replayed()) == [(ONE.request_id, f"column {column} of the log")]


# Rows that are gone


@pytest.mark.parametrize(
    ("statement", "count"),
    [
        ("delete from decisions where event_id = ?", 1),
        ("delete from decisions where event_id >= ?", None),
        ("delete from generations where event_id = 'g-003' and '' != ?", 1),
        ("delete from generations where '' != ?", len(TIPS)),
    ],
    ids=["a decision", "some decisions", "a tip", "all tips"],
)
def test_rows_that_are_gone_are_counted_by_the_store_alone(kept, statement, count):
    kept.sql(statement, ONE.event_id)
    gone = count or sum(event.event_id >= ONE.event_id for event in PAST)

    (difference,) = kept.replayed(source="store").first

    assert (difference.what, difference.logged) == ("rows", f"{gone} more were written")
    assert difference.recomputed.count(",") == min(gone, 20) - 1


def test_a_row_that_is_gone_is_named_by_its_event(kept):
    kept.sql("delete from decisions where event_id = ?", ONE.event_id)

    (difference,) = kept.replayed(source="store").first

    assert difference.recomputed == f"are gone: {ONE.event_id}"


def test_repeats_are_not_gone_and_hide_nothing(tmp_path):
    again = [event.model_copy(update={"event_id": f"z-{event.event_id}"}) for event in PAST[:3]]
    kept = Kept(tmp_path).fill([*PAST, *again], [*PAST, *again])

    assert kept.replayed().differences == 0

    kept.sql("delete from decisions where event_id = ?", ONE.event_id)
    differences = {item.request_id: item.recomputed for item in kept.replayed().first}

    assert differences == {ONE.request_id: "not in the store", "-": "are gone: which, the log can tell"}


def test_of_a_part_of_the_store_nobody_can_say_what_is_gone(kept):
    kept.sql("delete from decisions where event_id = ?", ONE.event_id)

    assert kept.replayed(source="store", since=PAST[0].decided_at).differences == 0


# Seals that are gone


def without_seals(event):
    return event.model_copy(update={"seals": None})


@pytest.mark.parametrize("places", [(0,), (10,), (3, 20, 39)])
def test_a_decision_without_seals_is_a_difference_unless_allowed(tmp_path, places):
    events = [without_seals(event) if place in places else event for place, event in enumerate(PAST)]
    kept = Kept(tmp_path).fill(events, events)

    strict, allowing = kept.replayed(), kept.replayed(allow_unsealed=True)

    assert named(strict) == [(PAST[place].request_id, "seals") for place in places]
    assert (strict.unsealed, allowing.unsealed) == (len(places), len(places))
    assert (strict.sound(), allowing.sound()) == (False, True)


def test_a_drawn_tip_without_seals_is_a_difference_and_a_named_version_is_none(tmp_path):
    drawn = tip("t-1", PAST[0].decided_at, "v2", (0.0, 1.0))
    drawn = drawn.model_copy(
        update={
            "draw": drawn.draw.model_copy(
                update={
                    "policy": PAST[0].policy.model_copy(update={"name": "baseline"}),
                    "default": "v2",
                    "experiment": None,
                }
            )
        }
    )
    kept = Kept(tmp_path).fill([*PAST, drawn, *TIPS[2:]], [*PAST, with_checksums(drawn), *TIPS[2:]])

    assert named(kept.replayed(source="store")) == [("t-1", "seals")]
    assert named(kept.replayed(allow_unsealed=True)) == [("t-1", "event")]  # the log has its seals


# The log beside the store


def test_a_row_that_was_deleted_is_named_by_the_log(kept):
    kept.sql("delete from decisions where request_id = ?", ONE.request_id)

    differences = {item.request_id: (item.logged, item.recomputed) for item in kept.replayed().first}

    assert differences[ONE.request_id] == ("in the log", "not in the store")


def test_a_row_that_the_log_lacks_is_named(tmp_path):
    kept = Kept(tmp_path).fill(PAST, [event for event in PAST if event is not ONE])

    (difference,) = kept.replayed().first

    assert (difference.request_id, difference.logged, difference.recomputed) == (
        ONE.request_id,
        "in the store",
        "not in the log",
    )


def test_an_event_that_was_changed_and_sealed_anew_is_named(kept):
    """Whoever changes an event and its seals together is found by the copy that was not changed."""
    forged = with_checksums(ONE.model_copy(update={"user_id": "somebody else"}))
    kept.sql(
        "update decisions set event = ?, user_id = ? where request_id = ?",
        forged.encode().decode(),
        forged.user_id,
        ONE.request_id,
    )

    assert kept.replayed(source="store").differences == 0
    assert named(kept.replayed()) == [(ONE.request_id, "event")]


def test_a_difference_is_not_named_twice(kept):
    spoilt = ONE.model_copy(update={"chosen_id": None})
    kept.sql(
        "update decisions set event = ?, chosen_id = null where request_id = ?",
        spoilt.encode().decode(),
        ONE.request_id,
    )

    report = kept.replayed()

    assert (report.differing, report.first[0].what) == (1, "chosen")


@pytest.mark.parametrize("text", ["{", '{"event_id": "e"}', "null", "[]"])
def test_an_event_that_is_none_is_named_once(kept, text):
    kept.sql("update decisions set event = ? where request_id = ?", text, ONE.request_id)

    assert named(kept.replayed()) == [(ONE.request_id, "event")]


def test_the_log_alone_is_replayed(tmp_path):
    wrong = ONE.model_copy(update={"propensity": 0.987})
    kept = Kept(tmp_path).fill([], [*(wrong if event is ONE else event for event in PAST), *TIPS])

    report = kept.replayed(source="log")

    assert (report.decisions, report.replayed) == (len(PAST), len(PAST))
    assert named(report) == [(ONE.request_id, "propensity")]


@pytest.mark.parametrize(("since", "limit"), [(None, 7), (PAST[25].decided_at, None), (PAST[25].decided_at, 5)])
def test_since_and_limit_are_of_each_source(kept, since, limit):
    rest = [event for event in PAST if since is None or event.decided_at >= since]

    reports = [kept.replayed(source=source, since=since, limit=limit) for source in ("store", "log", "both")]

    assert [report.decisions for report in reports] == [min(limit or len(PAST), len(rest))] * 3
    assert all(report.sound() for report in reports)


def test_what_one_of_them_cannot_have_yet_is_no_difference(tmp_path):
    """The newest minute, and what is older than all that the other ever had."""
    newest = PAST[-1].decided_at
    late = [event for event in PAST if event.decided_at > newest - SETTLING_TIME]
    kept = Kept(tmp_path).fill([event for event in PAST if event not in late], PAST[5:])

    report = kept.replayed()

    assert report.differences == 0
    assert report.unsettled == 5 + len(late)


def test_a_repeat_stands_for_neither_in_both(tmp_path):
    """The first made stands, in whichever order both arrived."""
    first = ONE.model_copy(update={"event_id": "0-first"})
    first = with_checksums(first)
    kept = Kept(tmp_path).fill([*PAST, first], [first, *PAST])

    assert kept.replayed().differences == 0


# The command


@pytest.fixture
def command(kept, monkeypatch, capsys):
    def run(*words, lake=True, output="json"):
        monkeypatch.setenv("OO_PIPELINE_STORE_URL", kept.settings.store_url)
        monkeypatch.setenv("OO_PIPELINE_TRACKING_URI", kept.settings.tracking_uri)
        monkeypatch.delenv("OO_PIPELINE_LAKE_URL", raising=False)
        if lake:
            monkeypatch.setenv("OO_PIPELINE_LAKE_URL", kept.settings.lake_url)
        monkeypatch.setattr(sys, "argv", ["oo_pipelines", "--output", output, "replay", *words])
        with pytest.raises(SystemExit) as left:
            main()
        return left.value.code, *capsys.readouterr()

    return run


def test_the_command_reads_both_where_a_log_is_set(command):
    code, out, _ = command()
    alone = json.loads(command(lake=False)[1])

    assert (code, json.loads(out)["sources"], json.loads(out)["compared"]) == (0, ["store", "log"], 90)
    assert (alone["sources"], alone["compared"]) == (["store"], 0)
    assert "90 events of the store with the log" in command(output="table")[1]


@pytest.mark.parametrize("source", ["log", "both"])
def test_a_log_that_is_nowhere_is_misuse(command, source):
    code, _, err = command("--source", source, lake=False)

    assert code == 2
    assert f"--source {source}: set OO_PIPELINE_LAKE_URL" in err


def test_the_command_names_a_row_that_is_gone(kept, command):
    kept.sql("delete from decisions where request_id = ?", ONE.request_id)

    code, out, _ = command(output="table")

    assert code == 1
    assert any(line.split()[:4] == [ONE.request_id, "-", "row", "in"] for line in out.splitlines())
