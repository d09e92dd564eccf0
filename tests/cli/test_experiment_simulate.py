"""`oo-ml experiment simulate`: curves for programs, people and browsers; what is wrong is named."""

from __future__ import annotations

import json

import pytest
from oo_cli.app import app
from oo_cli.commands.experiment.simulate import WorldName
from oo_experiments.simulation.synthetic_bandits import WORLDS
from typer.testing import CliRunner


def run(*words):
    return CliRunner().invoke(app, ["experiment", "simulate", "--rounds=300", "--seeds=3", *words])


def test_the_same_seeds_say_the_same_to_programs():
    words = ("--policy=thompson", "--policy=epsilon_greedy:epsilon=0.1,floor=0.01", "--output=json")

    said = run(*words)

    parsed_json = json.loads(said.stdout)
    assert (said.exit_code, parsed_json["world"], parsed_json["seeds"]) == (0, "arms", 3)
    assert [curve["policy"] for curve in parsed_json["curves"]] == ["thompson", "epsilon_greedy:epsilon=0.1,floor=0.01"]
    assert all(curve["rounds"][-1] == 300 and len(curve["mean"]) == 100 for curve in parsed_json["curves"])
    assert run(*words).stdout == said.stdout


def test_people_see_the_least_regret_first():
    said = run("--policy=uniform", "--policy=linucb:alpha=0.5", "--world=linear")

    assert said.exit_code == 0
    assert said.stdout.index("linucb:alpha=0.5") < said.stdout.index("uniform")


def test_a_page_has_each_curve_with_its_band(tmp_path):
    said = run("--policy=squarecb", "--policy=lints:draws=50", "--world=nonlinear", f"--html={tmp_path / 'r.html'}")

    page = (tmp_path / "r.html").read_text()
    assert said.exit_code == 0
    assert page.count('<g class="FillBetween') == 2
    assert page.count("lints:draws=50") == 2  # in the table and in the legend
    assert "currentColor" in page
    assert "prefers-color-scheme: dark" in page


def test_every_world_can_be_named():
    assert set(WorldName) == set(WORLDS)


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--policy=bagging"], "--policy bagging: bagging is none of uniform, greedy"),
        (["--policy=squarecb:gama=1"], "--policy squarecb:gama=1: gama is no parameter of squarecb"),
        (["--policy=squarecb:gamma=x"], "gamma is a number, not 'x'"),
        (["--policy=squarecb:gamma"], "gamma is a number, not ''"),
        (["--policy=epsilon_greedy"], "epsilon is what epsilon_greedy needs"),
        (["--policy=epsilon_greedy:epsilon=2"], "epsilon is a number from 0 to 1, not 2"),
        (["--policy=linucb"], "linucb learns from contexts, and the world arms has none"),
        (["--policy=uniform", "--html=/nowhere/r.html"], "--html /nowhere/r.html: No such file or directory"),
        (["--policy=uniform", "--seeds=1"], "seeds"),
        ([], "policy"),
    ],
)
def test_misuse_is_named(words, problem):
    said = run(*words)

    assert said.exit_code == 2
    assert problem in said.stderr
