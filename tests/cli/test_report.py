"""`oo-ml report`: JSON that stays as it is, tables, pages that look well, and refusals."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from browser import DARK, LIGHT, NAMES, measured, program, screenshot
from matplotlib.image import imread
from oo_cli.app import app
from oo_consumers.effect_store import Store
from report_events import feedback, filled, score, tip
from typer.testing import CliRunner

REPORTS = ("experiment", "prompts", "policies")
HEAD = {"at", "since", "rewards"}
INTERVAL = {"value", "stderr", "lower", "upper", "sequence_lower", "sequence_upper", "degrees_of_freedom"}
DIFFERENCE = INTERVAL - {"value"} | {"estimate", "users", "variance_ratio"}
COUNTS = {"users", "closed", "shown", "unseen", "activation"}


def run(*words):
    return CliRunner().invoke(app, ["report", *map(str, words)])


def said(*words):
    done = run(*words, "--output", "json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout, parse_constant=pytest.fail)


def stored(folder, *events):
    url = f"sqlite:///{folder}/effects.db"
    store = Store.open(url)
    for source, some in events:
        store.record_all(source, some)
    store.close()
    return url


@pytest.fixture(scope="module")
def past(tmp_path_factory):
    """A simulated store, and a page of each report of it."""
    folder = tmp_path_factory.mktemp("reports")
    url = stored(folder)
    store = Store.open(url)
    filled(store, datetime.now(UTC))
    store.close()
    for name in REPORTS:
        assert run(name, "--store-url", url, "--html", folder / f"{name}.html").exit_code == 0
    return url, folder


def test_the_json_of_an_experiment(past):
    found = said("experiment", "tone", "--store-url", past[0])

    assert found.keys() == HEAD | {"experiments"}
    (of,) = found["experiments"]
    assert set(of) == {
        *("key", "about", "unit", "first", "last", "variants", "contrasts", "ratio", "last_closes_at")
    }  # fmt: skip
    calm, _, holdout = of["variants"]
    assert set(calm) == {"name", "modes", "policies", "counts", "reward", "latency_ms", "tokens"}
    assert (set(calm["counts"]), set(calm["reward"])) == (COUNTS, INTERVAL)
    assert set(calm["latency_ms"]) == {"count", "p50", "p95"}
    assert holdout["reward"]["sequence_lower"] is None  # too few users for it
    contrast = of["contrasts"][0]
    assert set(contrast) == {
        *("variant", "reference", "verdict", "difference", "adjusted", "guardrails", "course")
    }  # fmt: skip
    assert set(contrast["difference"]) == DIFFERENCE
    assert set(contrast["guardrails"][0]) == {"metric", "margin", "difference", "verdict"}
    assert set(contrast["course"][0]) == {"at", "estimate", "lower", "upper"}
    assert set(of["ratio"]) == {"variants", "observed", "expected", "p", "enough", "alarm", "moved"}


def test_the_json_of_prompts(past):
    found = said("prompts", "--store-url", past[0])

    assert found.keys() == HEAD | {"versions", "users", "last_closes_at"}
    rewards = {"reward", "naive_reward"}
    costs = {"latency_ms", "prompt_tokens", "completion_tokens", "fallbacks", "fallback_rate", "invalid_output_rate"}
    states = {"drawn", "certain", "forced", "closed", "shown", "unseen"}
    assert set(found["versions"][0]) == {"version"} | states | rewards | costs
    weights = {"value", "stderr", "lower", "upper", "rounds", "effective_sample_size", "max_weight"}
    assert set(found["versions"][0]["reward"]) == weights


def test_the_json_of_policies(past):
    found = said("policies", "--store-url", past[0])

    assert found.keys() == HEAD | {"acted", "shadows", "watched", "apprentices", "models", "copies"}
    assert set(found["acted"][0]) == {"policy", "counts", "reward"}
    shadow = found["watched"][0]
    assert set(shadow) == {
        *("policy", "shadow", "rounds", "users", "set_aside", "verdict", "reasons", "estimates", "not_computed")
    }  # fmt: skip
    weights = {"effective_sample_size", "max_weight", "clipped_mass"}
    assert set(shadow["estimates"][0]) == {"estimator", "interval", "lift", "bias"} | weights
    assert set(found["models"][0]) == {"model", "role", "latency_ms"}


def test_a_report_for_people(past):
    assert "earns" in run("experiment", "--store-url", past[0]).stdout
    assert "naive mean" in run("prompts", "--store-url", past[0]).stdout
    assert "epsilon-greedy-0.1 would have earned" in run("policies", "--store-url", past[0]).stdout


@pytest.mark.long
def test_another_reward_table_re_values_everything(past, tmp_path):
    table = tmp_path / "mine.toml"
    reactions = "shown = 1\nclicked = 1\ncompleted = 1\nsnoozed = 1\ndismissed = 1\n"
    table.write_text(f'version = "mine"\naggregate = "max"\nwait_hours = 24\n[values]\n{reactions}')

    found = said("policies", "--store-url", past[0], "--rewards", table)

    assert found["rewards"] == "mine"
    assert {item["reward"]["value"] for item in found["acted"]} == {1.0}


def test_since_leaves_older_rounds_out(past):
    whole, part = (said("policies", "--store-url", past[0], *more) for more in ((), ("--since", "3d")))

    counts = [sum(item["counts"]["closed"] for item in found["acted"]) for found in (whole, part)]
    assert 0 < counts[1] < counts[0] / 2
    assert part["since"] is not None


@pytest.mark.long
@pytest.mark.parametrize(
    ("since", "text"),
    [
        ("2026-01-02T01:30:00+14:00", "2026-01-01 11:30 UTC"),
        ("2026-01-02T23:30:00-05:00", "2026-01-03 04:30 UTC"),
        ("2026-01-02T09:00:00", "2026-01-02 09:00 UTC"),
        ("2026-01-02", "2026-01-02 00:00 UTC"),
    ],
)
def test_since_is_told_in_utc(past, since, text):
    assert f"rounds since {text} as of " in run("policies", "--store-url", past[0], "--since", since).stdout


AGO = datetime(2026, 1, 5, tzinfo=UTC)
LITTLE = {
    "nothing": (),
    "an open round": (("decisions", [score("r-1", AGO, experiment="tone"), tip("r-1", AGO, "v1", (0.5, 0.5))]),),
    "a closed round": (
        ("decisions", [score("r-1", AGO, experiment="tone"), tip("r-1", AGO, "v1", (0.5, 0.5))]),
        ("feedback", feedback("r-1", AGO, "shown")),
    ),
    "no experiment": (
        ("decisions", [score("r-1", AGO), tip("r-1", AGO, "v1")]),
        ("feedback", feedback("r-1", AGO, "completed")),
    ),
    "names to escape": (
        (
            "decisions",
            [score("r-1", AGO, experiment="<b>[red]$x$", variant="<i>$"), tip("r-1", AGO, "v1", experiment="[/]")],
        ),
        ("feedback", feedback("r-1", AGO + timedelta(hours=1), "completed")),
    ),
}


@pytest.mark.parametrize("name", REPORTS)
@pytest.mark.parametrize("events", LITTLE.values(), ids=LITTLE)
def test_a_report_of_little_is_a_report(tmp_path, name, events):
    url = stored(tmp_path, *events)

    assert run(name, "--store-url", url, "--html", tmp_path / "page.html").exit_code == 0
    assert said(name, "--store-url", url)["rewards"] == "v1"
    assert "<b>" not in (tmp_path / "page.html").read_text()


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("--data", "nowhere"), "there has never been a stack on nowhere"),
        (("--store-url", "sqlite:///nowhere/none.db"), "unable to open database"),
        (("--store-url", "sqlite://", "--rewards", "v99"), "v99 is no file and no version"),
        (("--store-url", "sqlite://", "--since", "yesterday"), "--since: yesterday is not like"),
        (("--store-url", "sqlite://", "--html", "no/page.html"), "cannot be written"),
    ],
)
@pytest.mark.parametrize("name", REPORTS)
def test_what_cannot_be_is_refused(name, words, text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    done = run(name, *words)

    assert (done.exit_code, done.stdout) == (2, "")
    assert text in done.stderr


@pytest.mark.parametrize("name", REPORTS)
def test_a_page_is_one_file_that_fetches_and_runs_nothing(past, name):
    page = (past[1] / f"{name}.html").read_text()

    assert "<script" not in page
    assert not re.search(r"(src|href)=\"(?!#)|url\((?!#)|@import", page)
    assert "default-src 'none'" in page
    assert page.count("<svg") == page.count("<figcaption>") > 1


@pytest.fixture(scope="module")
def pages(past):
    if program() is None:
        pytest.skip(f"there is no {', '.join(NAMES)} on PATH: no page is looked at")
    return past[1]


@pytest.mark.long
@pytest.mark.parametrize("name", REPORTS)
@pytest.mark.parametrize(("scheme", "paper", "ink"), [(LIGHT, 1.0, 0.25), (DARK, 0.1, 0.8)])
def test_a_page_is_light_and_dark_as_the_reader_has_it(pages, name, scheme, paper, ink):
    shot = pages / f"{name}-{scheme}.png"

    screenshot(pages / f"{name}.html", shot, scheme)

    grey = imread(shot)[..., :3].mean(axis=2)
    assert grey.shape == (1000, 1280)
    assert np.median(grey) == pytest.approx(paper, abs=0.05)
    wrote = (grey < ink) if scheme == LIGHT else (grey > ink)
    assert 0.005 < wrote[:, 100:1100].mean() < 0.2
    assert wrote[:300].any()
    assert wrote[700:].any()


@pytest.mark.long
@pytest.mark.parametrize("name", REPORTS)
@pytest.mark.parametrize("width", [1280, 400])
def test_a_page_is_not_wider_than_its_window(pages, name, width, tmp_path):
    found = measured(pages / f"{name}.html", tmp_path, width)

    assert found["width"] > width - 30
    assert found["content"] == found["width"]
    assert found["text"] > 500
    assert all(250 < one <= found["width"] for one in found["svg"])
