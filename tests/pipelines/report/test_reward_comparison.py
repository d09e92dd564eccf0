"""Re-valuing history: the same reactions by two tables, and who swaps places."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from example_events import a_decision, a_feedback
from oo_cli.app import app
from oo_consumers.effect_store import Store
from oo_contracts.reward_table import DEFAULT_REWARDS
from oo_contracts.score import PolicyInfo
from oo_pipelines.report.reward_comparison import Flip, Group, compare_rewards
from typer.testing import CliRunner

STRICT = DEFAULT_REWARDS.model_copy(update={"version": "strict", "values": {**DEFAULT_REWARDS.values, "clicked": -0.5}})
PATIENT = DEFAULT_REWARDS.model_copy(update={"version": "patient", "wait_hours": 2_000.0})
NOW = datetime(2026, 11, 25, tzinfo=UTC)
PAST = {"greedy": ["clicked", "clicked", "clicked", "shown"], "uniform": ["shown", "shown", "shown", "clicked"]}
MINE = """
version = "strict"
aggregate = "max"
wait_hours = 24
values = { shown = 0, clicked = -0.5, completed = 1, snoozed = 0, dismissed = 0 }
"""


@pytest.fixture
def url(tmp_path):
    """Clicks came to greedy, and to uniform hardly any; each request was also shown."""
    url = f"sqlite:///{tmp_path}/effects.db"
    store = Store.open(url)
    for policy, reactions in PAST.items():
        for place, reaction in enumerate(reactions):
            request = f"{policy}-{place}"
            decision = a_decision(request).model_copy(update={"policy": PolicyInfo(name=policy, version="1")})
            store.record("decisions", decision)
            store.record("feedback", a_feedback(request, "clicked" if reaction == "clicked" else "shown"))
    store.close()
    return url


def said(url, *words):
    return CliRunner().invoke(app, ["rewards", *words, "--store-url", url])


def test_a_table_against_itself_changes_nothing(url):
    store = Store.open(url)
    comparison = compare_rewards(store, NOW, DEFAULT_REWARDS, DEFAULT_REWARDS)
    store.close()

    assert (comparison.rounds, comparison.changed, comparison.flips) == ((8, 8), 0, ())
    assert comparison.groups[0] == Group("greedy 1", "no experiment", (4, 4), (pytest.approx(0.3), pytest.approx(0.3)))


def test_what_a_new_table_turns_round_is_named(url):
    store = Store.open(url)
    comparison = compare_rewards(store, NOW, DEFAULT_REWARDS, STRICT)
    store.close()

    assert comparison.changed == 4
    assert [item.mean for item in comparison.groups] == [
        (pytest.approx(0.3), pytest.approx(-0.375)),
        (pytest.approx(0.1), pytest.approx(-0.125)),
    ]
    assert comparison.flips == (Flip("greedy 1, no experiment", "uniform 1, no experiment"),)


def test_a_longer_waiting_time_leaves_rounds_open(url):
    store = Store.open(url)
    comparison = compare_rewards(store, NOW, DEFAULT_REWARDS, PATIENT)
    store.close()

    assert (comparison.rounds, comparison.groups[0].mean) == ((8, 0), (pytest.approx(0.3), None))


def test_the_command_tells_people_and_programs(url, tmp_path):
    (tmp_path / "strict.toml").write_text(MINE)

    table = said(url, "compare", "v1", str(tmp_path / "strict.toml"))
    plain = json.loads(said(url, "compare", "v1", str(tmp_path / "strict.toml"), "--output", "json").stdout)

    assert table.exit_code == 0
    assert "4 of 8 closed rounds are worth something else" in table.stdout
    assert "swapped: greedy 1, no experiment was ahead of uniform 1" in table.stdout
    assert plain["flips"] == [{"better": "greedy 1, no experiment", "worse": "uniform 1, no experiment"}]


@pytest.mark.parametrize("words", [("compare", "v1", "v99"), ("compare", "nothing.toml", "v1")])
def test_a_table_that_is_not_there_is_exit_code_2(url, words):
    done = said(url, *words)

    assert done.exit_code == 2
    assert "there are v1" in done.stderr
