"""`oo-ml plan`: how many users, rounds and days, from options or from a log; what cannot be planned is said."""

from __future__ import annotations

import csv
import json
import random

import pyarrow.csv
import pyarrow.parquet
import pytest
from oo_cli.app import app
from oo_experiments.statistics.power import fixed_users, halving
from typer.testing import CliRunner

COLUMNS = ("request_id", "user_id", "action", "n_actions", "propensity", "reward", "target_new")


def plan(*words):
    return CliRunner().invoke(app, ["plan", *map(str, words)], env={"COLUMNS": "200", "NO_COLOR": "1"})


def planned(*words):
    done = plan(*words, "--output", "json")
    assert done.exit_code == 0, done.stderr
    return json.loads(done.stdout)


def written(path, rows):
    with path.open("w", newline="") as file:
        out = csv.DictWriter(file, COLUMNS)
        out.writeheader()
        out.writerows(rows)
    return path


def rounds(count=2_000, floor=0.1):
    """Two rounds of each user; the log takes action `a` but for a floor, the challenger always `b`."""
    draw = random.Random(1)
    for number in range(count):
        action = "b" if draw.random() < floor else "a"
        yield {
            "request_id": f"r-{number}",
            "user_id": f"u-{number // 2}",
            "action": action,
            "n_actions": 2,
            "propensity": floor if action == "b" else 1 - floor,
            "reward": int(draw.random() < 0.5),
            "target_new": int(action == "b"),
        }


@pytest.fixture
def log(tmp_path):
    return written(tmp_path / "rounds.csv", rounds())


def test_a_split_is_planned():
    plan = planned("--mean", 0.2, "--relative-effect", 0.1, "--rounds-per-user", 5, "--rounds-per-day", 1_000)

    users = fixed_users(2 * (0.2 * 0.8 + 0.22 * 0.78) / 5, 0.02)
    assert plan["effect"] == pytest.approx(0.02)
    assert plan["fixed"]["users"] == pytest.approx(users, abs=1)
    assert plan["fixed"]["rounds"] == 5 * plan["fixed"]["users"]
    assert plan["fixed"]["days"] == plan["fixed"]["rounds"] / 1_000
    assert plan["always_valid_median"]["users"] < plan["always_valid"]["users"]
    assert plan["halving"] is None


def test_rounds_of_a_user_that_are_alike_cost_more():
    said = ("--mean", 0.2, "--effect", 0.02, "--rounds-per-user", 5)

    independent, alike, same = (planned(*said, "--icc", icc)["fixed"]["users"] for icc in (0, 0.25, 1))

    assert alike == pytest.approx(2 * independent, rel=0.01)
    assert same == pytest.approx(5 * independent, rel=0.01)


def test_an_uneven_split_says_which_needs_half():
    said = ("--mean", 3, "--sd", 2, "--effect", 0.2)
    plan = planned(*said, "--split", 0.05)

    half = planned(*said, "--split", plan["halving"]["split"])

    assert half["fixed"]["users"] == pytest.approx(plan["fixed"]["users"] / 2, rel=0.01)


def test_a_floor_says_which_needs_half():
    said = ("--mean", 0.3, "--effect", 0.02, "--differs", 0.4)
    plan = planned(*said, "--propensity-floor", 0.02)

    half = planned(*said, "--propensity-floor", plan["halving"]["propensity_floor"])

    assert half["fixed"]["users"] == pytest.approx(plan["fixed"]["users"] / 2, rel=0.06)
    assert half["always_valid_median"]["users"] == pytest.approx(plan["always_valid_median"]["users"] / 2, rel=0.15)


def test_a_log_says_its_own_mean_users_and_weights(log):
    plan = planned("--log", log, "--target", "new", "--effect", 0.05)

    per_round = (1 / 0.1 - 1) * 0.5  # E[(w - 1)²] E[r²]
    assert plan["mean"] == pytest.approx(0.5, abs=0.04)
    assert plan["rounds_per_user"] == 2
    assert plan["variance_per_user"] == pytest.approx(per_round / 2, rel=0.25)
    share = plan["halving"]["share_at_random"]
    assert plan["halving"]["propensity_floor"] == pytest.approx((1 - share) * 0.1 + share / 2)
    assert plan["halving"]["propensity_floor"] == pytest.approx(halving(0.1), rel=0.1)


def test_a_log_may_be_parquet_and_its_target_uniform(log, tmp_path):
    table = pyarrow.csv.read_csv(log)
    pyarrow.parquet.write_table(table, tmp_path / "rounds.parquet")

    by_csv, by_parquet = (
        planned("--log", path, "--target", "uniform", "--relative-effect", -0.2)
        for path in (log, tmp_path / "rounds.parquet")
    )

    assert by_csv == by_parquet
    assert by_csv["effect"] == pytest.approx(-0.2 * by_csv["mean"])


def test_a_person_reads_a_table():
    said = plan("--mean", 0.2, "--effect", 0.02, "--propensity-floor", 0.05, "--rounds-per-day", 500).stdout

    assert [word in said for word in ("users", "rounds", "days", "fixed", "always-valid", "median")] == [True] * 6
    assert "half of the users: propensity floor 0.1063" in said


@pytest.mark.parametrize("users", [1, 2_000, 5_000, 1e6])
def test_a_tuning_that_no_report_would_keep_is_refused(users):
    done = plan("--mean", 0.2, "--effect", 0.02, "--tuning", users)

    assert (done.exit_code, done.stdout) == (2, "")
    assert "--tuning is no option any more: reports and `oo-ml ope` have always-valid intervals" in done.stderr
    assert "tightest at 5,000 users" in done.stderr


def test_the_help_has_no_tuning_and_says_where_the_interval_is_tightest():
    text = " ".join(plan("--help").stdout.split())

    assert "--tuning" not in text
    assert "tightest at 5,000 users" in text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "--effect"),
        (("--effect", 0.1), "--mean"),
        (("--mean", 0.2), "--relative-effect"),
        (("--mean", 0.2, "--effect", 0.1, "--relative-effect", 0.1), "--relative-effect"),
        (("--mean", 0.2, "--effect", 0), "--effect 0.0"),
        (("--mean", 0.2, "--effect", "nan"), "--effect nan"),
        (("--mean", 3, "--effect", 0.1), "--sd"),
        (("--mean", 0, "--sd", 1, "--relative-effect", 0.1), "--effect"),
        (("--mean", 0.2, "--effect", 1e-12), "too small"),
        (("--mean", 0.2, "--effect", 0.1, "--sd", 0), "--sd"),
        (("--mean", 0.2, "--effect", 0.1, "--split", 1), "--split"),
        (("--mean", 0.2, "--effect", 0.1, "--alpha", 0), "--alpha"),
        (("--mean", 0.2, "--effect", 0.1, "--power", 1), "--power"),
        (("--mean", 0.2, "--effect", 0.1, "--icc", 1.1), "--icc"),
        (("--mean", 0.2, "--effect", 0.1, "--rounds-per-user", 0.5), "--rounds-per-user"),
        (("--mean", 0.2, "--effect", 0.1, "--rounds-per-day", 0), "--rounds-per-day"),
        (("--mean", 0.2, "--effect", 0.1, "--propensity-floor", 0), "--propensity-floor"),
        (("--mean", 0.2, "--effect", 0.1, "--split", 0.5, "--propensity-floor", 0.1), "exclude each other"),
        (("--mean", 0.2, "--effect", 0.1, "--target", "new"), "--log"),
        (("--log", "/no/such.csv", "--target", "new", "--effect", 0.1), "/no/such.csv"),
        (("--log", "/no/such.csv", "--effect", 0.1), "--target"),
        (("--log", "/no/such.csv", "--target", "new", "--effect", 0.1, "--mean", 0.2), "--mean comes from the log"),
    ],
)
def test_what_cannot_be_planned_is_said_by_option(words, said):
    done = plan(*words)

    assert done.exit_code == 2
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def changed(**columns):
    return [row | (columns if number == 2 else {}) for number, row in enumerate(rounds(40))]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (changed(propensity=0), "column propensity, row 3: 0.0 is not in (0, 1]"),
        (changed(propensity=""), "propensity"),
        (changed(propensity="often"), "column propensity, row 3: 'often' is not a number"),
        (changed(reward=""), "reward"),
        (changed(target_new=1.5), "column target_new, row 3: 1.5 is not in [0, 1]"),
        (changed(n_actions=0), "n_actions"),
        (changed(request_id="r-0"), "column request_id, row 3: r-0 is there twice"),
        ([], "there is no round"),
        ([row | {"target_new": row["propensity"]} for row in rounds(40)], "nothing to tell apart"),
    ],
)
def test_what_is_wrong_with_a_log_is_said_by_column(tmp_path, rows, said):
    done = plan("--log", written(tmp_path / "rounds.csv", rows), "--target", "new", "--effect", 0.1)

    assert done.exit_code == 2
    assert said in done.stderr


def test_a_target_that_is_missing_is_named_with_those_there_are(log):
    done = plan("--log", log, "--target", "old", "--effect", 0.1)

    assert done.exit_code == 2
    assert "there is no target old; known are logged, uniform, new" in done.stderr
