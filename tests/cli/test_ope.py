"""`oo-ml ope` on files: numbers by hand, every bad cell named, and what cannot be computed said."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
from oo_experiments.ope.estimators import DROS_LAMBDA, SWITCH_TAU
from ope_command import evaluated, run_ope

HEAD = "request_id,user_id,action,n_actions,propensity,reward"
ALL = ("ips", "snips", "dm", "dr", "switch_dr", "dros")


def values(found):
    return {item["estimator"]: item["value"] for item in found["estimates"]}


def refusal(*words):
    done = run_ope(*words)
    assert (done.exit_code, done.stdout) == (2, ""), done.output
    assert done.stderr.startswith("oo-ml: ")
    assert done.stderr.count("\n") == 1
    return done.stderr.removeprefix("oo-ml: ").strip()


@pytest.fixture
def written(tmp_path):
    """A CSV file of these lines."""

    def write(*lines, head=HEAD):
        path = tmp_path / "log.csv"
        path.write_text("\n".join((head, *lines, "")))
        return path

    return write


def columns(seed=1, rounds=900, users=90, actions=5):
    """Ragged lists, a target with all its chances, a model that knows nothing."""
    draw = np.random.default_rng(seed)
    n = draw.integers(1, actions + 1, rounds)
    able = np.arange(actions) < n[:, None]
    logging, wanted = (_chances(draw, able) for _ in range(2))
    action = np.array([draw.choice(actions, p=row) for row in logging])
    at = np.arange(rounds), action
    gaps = [
        [value if has else None for value, has in zip(row, able[:, a], strict=True)] for a, row in enumerate(wanted.T)
    ]
    model = draw.normal(0, 1, able.shape)
    return {
        "request_id": [f"r-{place}" for place in range(rounds)],
        "user_id": [f"{user:03}" for user in draw.integers(users, size=rounds)],
        "action": action,
        "n_actions": n,
        "propensity": logging[at],
        "reward": draw.normal(-1, 2, rounds),
        "target_mine": wanted[at],
        **{f"target_mine_{a}": gaps[a] for a in range(actions)},
        **{f"predicted_{a}": [v if n[row] > a else None for row, v in enumerate(model[:, a])] for a in range(actions)},
    }


def _chances(draw, able):
    odds = np.where(able, np.exp(draw.normal(0, 1.5, able.shape)), 0.0)
    return odds / odds.sum(axis=1, keepdims=True)


def by_hand(table, chances):
    """All six, round by round; `chances` of a round are by action."""
    rows = []
    for place, (action, n) in enumerate(zip(table["action"], table["n_actions"], strict=True)):
        pi = chances(place, n)
        q = [table[f"predicted_{a}"][place] for a in range(n)]
        w = pi[action] / table["propensity"][place]
        rows.append((w, table["reward"][place], q[action], sum(p * v for p, v in zip(pi, q, strict=True))))
    count = len(rows)
    return {
        "ips": sum(w * r for w, r, _, _ in rows) / count,
        "snips": sum(w * r for w, r, _, _ in rows) / sum(w for w, *_ in rows),
        "dm": sum(v for *_, v in rows) / count,
        "dr": sum(v + w * (r - q) for w, r, q, v in rows) / count,
        "switch_dr": sum(v + (w <= SWITCH_TAU) * w * (r - q) for w, r, q, v in rows) / count,
        "dros": sum(v + DROS_LAMBDA * w / (w * w + DROS_LAMBDA) * (r - q) for w, r, q, v in rows) / count,
    }


def _mine(table):
    return lambda place, n: [table[f"target_mine_{a}"][place] for a in range(n)]


def _uniform(_):
    return lambda _, n: [1 / n] * n


def _greedy(table):
    def chances(place, n):
        model = [table[f"predicted_{a}"][place] for a in range(n)]
        return [float(a == model.index(max(model))) for a in range(n)]

    return chances


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@pytest.mark.parametrize(
    ("target", "chances"),
    [("mine", _mine), ("uniform", _uniform), ("greedy", _greedy)],
    ids=["mine", "uniform", "greedy"],
)
def test_files_give_the_formulas_values(tmp_path, seed, suffix, target, chances):
    table = columns(seed)
    path = tmp_path / f"log.{suffix}"
    write = {"csv": pyarrow.csv.write_csv, "parquet": pyarrow.parquet.write_table}[suffix]
    write(pa.table(table), path)

    found = evaluated(path, "--target", target)

    assert values(found) == pytest.approx(by_hand(table, chances(table)), rel=1e-9)
    assert (found["target"], found["rounds"], found["users"]) == (target, 900, len(set(table["user_id"])))
    assert found["verdict"] in {"evaluable", "not evaluable"}
    assert found["parameters"] == {"switch_tau": SWITCH_TAU, "dros_lambda": DROS_LAMBDA, "level": 0.95}
    assert {"estimator", "value", "lower", "upper", "effective_sample_size", "max_weight"} <= set(found["estimates"][0])


def test_names_of_actions_come_from_the_predictions(written):
    """b of the second round has no prediction: that round does not have it."""
    path = written(
        "r-1,u-1,b,2,0.5,1,1,0.25,0.75",
        "r-2,u-2,a,1,1,0,1,0.5,",
        head=f"{HEAD},target_x,predicted_a,predicted_b",
    )

    assert values(evaluated(path, "--target", "x"))["dr"] == pytest.approx((0.75 + 2 * 0.25 + 0.5 - 0.5) / 2)
    assert values(evaluated(path, "--target", "greedy"))["dm"] == pytest.approx((0.75 + 0.5) / 2)
    assert values(evaluated(path, "--target", "uniform"))["ips"] == pytest.approx(0.5)


def test_a_column_goes_before_what_is_built_in(written):
    path = written("r-1,u-1,0,2,0.5,1,0.25,0.1,0.9", head=f"{HEAD},target_greedy,predicted_0,predicted_1")

    assert values(evaluated(path, "--target", "greedy"))["ips"] == 0.5
    assert values(evaluated(path, "--target", "greedy"))["dm"] == pytest.approx(0.25 * 0.1 + 0.75 * 0.9)


def test_ids_stay_text(written):
    lines = [f"{'0' * place}7,{'0' * place}7,0,1,1,1" for place in range(3)]

    assert evaluated(written(*lines), "--target", "logged")["users"] == 3


def test_spaces_are_no_part_of_a_number_but_of_an_id(written):
    found = evaluated(written("r-1,u-1,0,2, 0.5 ,1", "r-1 ,u-1 ,1,2,0.5,\t3"), "--target", "uniform")

    assert (values(found)["ips"], found["users"]) == (2, 2)
    assert refusal(written("r-1,  ,0,2,0.5,1"), "--target", "uniform") == "column user_id, row 1 is empty"


def test_a_place_among_a_thousand_million_costs_nothing(written):
    found = evaluated(written(f"r-1,u-1,{10**9 - 1},{10**9},1e-9,2"), "--target", "uniform")

    assert values(found)["ips"] == pytest.approx(2)


def test_the_chance_of_an_only_action_is_1_or_its_rest_is_unknown(written):
    path = written("r-1,u-1,0,1,0.5,1,0.5,0", head=f"{HEAD},target_x,predicted_0")

    found = evaluated(path, "--target", "x")

    assert values(found) == {"ips": 1, "snips": 1}
    assert "column target_x_0 is missing" in found["not_computed"]["dm"]


def test_what_acted_is_the_mean_reward_and_lifts_nothing(written):
    found = evaluated(written(*(f"r-{n},u-{n % 40},{n % 2},2,0.5,{n % 5}" for n in range(200))), "--target", "logged")

    (ips, snips) = found["estimates"]
    assert (ips["value"], snips["value"]) == pytest.approx((2, 2))
    assert ips["lift"]["value"] == ips["lift"]["lower"] == ips["lift"]["upper"] == 0
    assert set(found["not_computed"]) == {"dm", "dr", "switch_dr", "dros"}
    assert "column predicted_0 is missing" in found["not_computed"]["dm"]
    assert found["verdict"] == "evaluable"


def test_an_estimator_that_a_wrong_model_biases_is_said_to_be(tmp_path):
    """Four actions, logged evenly; the model says the opposite of the truth of what the target wants."""
    draw = np.random.default_rng(3)
    action = draw.integers(4, size=4_000)
    table = {
        "request_id": [f"r-{place}" for place in range(4_000)],
        "user_id": [f"u-{place % 400}" for place in range(4_000)],
        "action": action,
        "n_actions": np.full(4_000, 4),
        "propensity": np.full(4_000, 0.25),
        "reward": 1.0 * (draw.random(4_000) < np.array([0.9, 0.1, 0.1, 0.1])[action]),
        "target_x": np.array([1.0, 0.0, 0.0, 0.0])[action],
        **{f"target_x_{place}": np.full(4_000, 1.0 * (place == 0)) for place in range(4)},
        **{f"predicted_{place}": np.full(4_000, 0.1 if place == 0 else 0.9) for place in range(4)},
    }
    pyarrow.parquet.write_table(pa.table(table), path := tmp_path / "log.parquet")

    found = evaluated(path, "--target", "x", "--dros-lambda", "4")
    shown = " ".join(run_ope(path, "--target", "x", "--dros-lambda", "4").stdout.split())

    assert found["verdict"] == "evaluable"
    assert found["biased"].keys() == {"dm", "dros"}
    assert "the model is believed there: by DR, its bias is -0.8" in found["biased"]["dm"]
    assert "dros: not evaluable: 80% of the weight is not used" in shown
    by_name = {item["estimator"]: item for item in found["estimates"]}
    assert by_name["dros"]["bias"]["value"] == pytest.approx(by_name["dros"]["value"] - by_name["dr"]["value"])
    assert by_name["dros"]["upper"] < 0.9 < by_name["dr"]["upper"]
    assert by_name["switch_dr"]["bias"] is None


def test_parameters_are_heard(tmp_path):
    path = tmp_path / "log.parquet"
    pyarrow.parquet.write_table(pa.table(columns()), path)

    ends = values(evaluated(path, "--target", "mine", "--switch-tau", "inf", "--dros-lambda", "0", "--level", "0.9"))

    assert ends["switch_dr"] == pytest.approx(ends["dr"], rel=1e-9)
    assert ends["dros"] == pytest.approx(ends["dm"], rel=1e-9)


def test_the_table_is_loud_about_a_log_that_cannot_say(written):
    """One user: no interval is finite, and JSON says null."""
    path = written("r-1,u-1,0,2,0.5,1", "r-2,u-1,1,2,0.5,0")

    table = run_ope(path, "--target", "uniform")
    (ips, _) = evaluated(path, "--target", "uniform")["estimates"]

    assert table.exit_code == 0
    assert "NOT EVALUABLE" in table.stdout
    assert "too few users: 1" in table.stdout
    assert (ips["value"], ips["lower"], ips["sequence_upper"]) == (0.5, None, None)


def test_some_estimators_can_be_asked_for(written):
    path = written("r-1,u-1,0,2,0.5,1")

    assert list(values(evaluated(path, "--target", "uniform", "--estimator", "snips,ips"))) == ["snips", "ips"]
    assert "dr: column predicted_0 is missing" in refusal(path, "--target", "uniform", "--estimator", "ips,dr")


def test_other_chances_of_three_are_not_guessed(written):
    head = f"{HEAD},target_x,predicted_0,predicted_1,predicted_2"
    path = written("r-1,u-1,0,3,0.5,1,0.5,0,0,0", head=head)

    assert "column target_x_0 is missing" in evaluated(path, "--target", "x")["not_computed"]["dr"]
    assert "dm: column target_x_0 is missing" in refusal(path, "--target", "x", "--estimator", "dm")


GOOD = "r-1,u-1,0,2,0.5,1"


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("r-2,u-1,0,2,0,1", "column propensity, row 2: 0.0 is not in (0, 1]"),
        ("r-2,u-1,0,2,1.5,1", "column propensity, row 2: 1.5 is not in (0, 1]"),
        ("r-2,u-1,0,2,,1", "column propensity, row 2 is empty"),
        ("r-2,u-1,0,2,nan,1", "column propensity, row 2: nan is not a finite number"),
        ("r-2,u-1,0,2,half,1", "column propensity, row 2: 'half' is not a number"),
        ("r-2,u-1,0,2,0.001,1e308", "column reward, row 2: 1e+308 is too large to be weighed"),
        ("r-2,u-1,0,2,0.5,inf", "column reward, row 2: inf is not a finite number"),
        ("r-2,u-1,0,2,0.5,", "column reward, row 2 is empty"),
        ("r-2,u-1,0,0,0.5,1", "column n_actions, row 2: 0.0 is not a whole number from 1 on"),
        ("r-2,u-1,0,1.5,0.5,1", "column n_actions, row 2: 1.5 is not a whole number from 1 on"),
        ("r-2,u-1,2,2,0.5,1", "column action, row 2: 2 is not from 0 to n_actions - 1"),
        ("r-2,u-1,-1,2,0.5,1", "column action, row 2: -1 is not from 0 to n_actions - 1"),
        ("r-2,u-1,,2,0.5,1", "column action, row 2 is empty"),
        ("r-2,,0,2,0.5,1", "column user_id, row 2 is empty"),
        ("r-1,u-1,0,2,0.5,1", "column request_id, row 2: r-1 is there twice"),
    ],
)
def test_a_bad_cell_is_named(written, line, text):
    assert refusal(written(GOOD, line), "--target", "uniform") == text


@pytest.mark.parametrize(
    ("more", "cells", "text"),
    [
        ("target_x", "1.5", "column target_x, row 1: 1.5 is not in [0, 1]"),
        ("target_x", "-0.5", "column target_x, row 1: -0.5 is not in [0, 1]"),
        ("target_x", "nan", "column target_x, row 1: nan is not a finite number"),
        ("target_x", "", "column target_x, row 1 is empty"),
        ("target_x,predicted_0", "1,1", "column predicted_1 is missing: row 1 has 2 actions"),
        ("target_x,predicted_0,predicted_1", "1,1,", "column predicted_1, row 1 is empty, of an action to choose from"),
        ("target_x,predicted_a", "1,1", "column predicted_0 is missing"),
        (
            "target_x,target_x_0,target_x_1,predicted_0,predicted_1",
            "0.5,0.5,0.6,0,0",
            "column target_x_0 to target_x_1, row 1: 1.1 is the sum, and not 1",
        ),
        (
            "target_x,target_x_0,target_x_1,predicted_0,predicted_1",
            "0.5,0.4,0.6,0,0",
            "column target_x, row 1: 0.5 is not what the column of the logged action says",
        ),
        (
            "target_x,target_x_0,target_x_1,predicted_0,predicted_1",
            "0.5,0.5,-0.5,0,0",
            "column target_x_1, row 1: -0.5 is not in [0, 1]",
        ),
    ],
)
def test_a_bad_target_or_prediction_is_named(written, more, cells, text):
    assert text in refusal(written(f"{GOOD},{cells}", head=f"{HEAD},{more}"), "--target", "x")


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        (("r-1,u-1,a,2,0.5,1,0,0",), "column action, row 1: a has no column predicted_a"),
        (("r-1,u-1,b,2,0.5,1,0,",), "column n_actions, row 1: 2 is not the number of its predicted_ cells"),
        (("r-1,u-1,b,1,0.5,1,,0",), "column action, row 1: b is an action whose predicted_ cell is empty"),
    ],
)
def test_a_named_action_has_a_prediction(written, lines, text):
    assert refusal(written(*lines, head=f"{HEAD},predicted_b,predicted_c"), "--target", "uniform") == text


def test_rounds_without_predictions_have_no_estimate_by_model(written):
    lines = ("r-1,u-1,0,2,0.5,1,0.5,,", "r-2,u-2,0,2,0.5,1,0.5,0.1,0.9")
    path = written(*lines, head=f"{HEAD},target_x,predicted_0,predicted_1")
    text = "1 of 2 rounds have no predicted_ cell, the first in row 1"

    found = evaluated(path, "--target", "x")

    assert [item["estimator"] for item in found["estimates"]] == ["ips", "snips"]
    assert set(found["not_computed"].values()) == {text}
    assert refusal(path, "--target", "x", "--estimator", "dr").endswith(f"dr: {text}")
    assert refusal(path, "--target", "greedy").endswith(
        f"there is no target greedy; known are logged, uniform, x; {text}"
    )


def test_rounds_without_predictions_may_have_more_actions_than_the_others(written):
    lines = ("r-1,u-1,2,3,0.5,1,0.5,", "r-2,u-2,0,1,0.5,1,0.5,0.1")
    path = written(*lines, head=f"{HEAD},target_x,predicted_0")
    text = "1 of 2 rounds have no predicted_ cell, the first in row 1"

    assert evaluated(path, "--target", "x")["not_computed"]["dr"] == text

    path = written(*lines, "r-3,u-3,1,2,0.5,1,0.5,0.1", head=f"{HEAD},target_x,predicted_0")
    assert refusal(path, "--target", "x") == "column predicted_1 is missing: row 3 has 2 actions"


@pytest.mark.parametrize("name", HEAD.split(","))
def test_a_missing_column_is_named(written, name):
    names = HEAD.split(",")
    cells = dict(zip(names, GOOD.split(","), strict=True))
    names.remove(name)

    path = written(",".join(cells[item] for item in names), head=",".join(names))

    assert refusal(path, "--target", "uniform") == f"column {name} is missing"


@pytest.mark.parametrize("content", [b"", b"\x00\xff\x00", b"PAR1 but no more", HEAD.encode(), b'{"a": 1}'])
def test_what_is_no_log_is_refused(tmp_path, content):
    path = tmp_path / "log"
    path.write_bytes(content)

    assert refusal(path, "--target", "uniform")


def test_what_cannot_be_read_is_refused(tmp_path):
    assert "cannot be read" in refusal(tmp_path, "--target", "uniform")
    assert "cannot be read" in refusal(tmp_path / "nothing.csv", "--target", "uniform")


def test_unknown_names_are_refused_with_the_known_ones(written):
    path = written(f"{GOOD},1", head=f"{HEAD},target_mine")

    assert refusal(path, "--target", "yours") == "there is no target yours; known are logged, uniform, mine"
    assert "known are all, ips, snips, dm, dr, switch_dr, dros" in refusal(
        path, "--target", "mine", "--estimator", "dr2"
    )
    assert "--level" in refusal(path, "--target", "mine", "--level", "1.0")
    assert run_ope(path, "--target", "mine", "--switch-tau", "nan").exit_code == 2


def test_rows_of_other_lengths_are_refused(written):
    assert "neither Parquet nor CSV" in refusal(written(GOOD, "r-2,u-1"), "--target", "uniform")


def test_parquet_of_other_types_reads_the_same(tmp_path):
    table = pa.table(
        {
            "request_id": pa.array(range(60)),
            "user_id": pa.array([f"u-{n}" for n in range(60)]).dictionary_encode(),
            "action": pa.array([float(n % 2) for n in range(60)]),
            "n_actions": pa.array([2] * 60, pa.int8()),
            "propensity": pa.array([0.5] * 60, pa.float32()),
            "reward": pa.array([n % 3 == 0 for n in range(60)]),
        }
    )
    pyarrow.parquet.write_table(table, tmp_path / "log.parquet")

    assert values(evaluated(tmp_path / "log.parquet", "--target", "uniform"))["ips"] == pytest.approx(1 / 3)
    assert not math.isnan(values(evaluated(tmp_path / "log.parquet", "--target", "logged"))["snips"])


@pytest.mark.parametrize(
    "cells",
    [
        pytest.param(("0.0,2.0,1.0", "1.0,2.0,0.0"), id="numbers once of floats"),
        pytest.param(("0,2,True", "1,2,False"), id="truths as pandas writes them"),
        pytest.param(("0,2, true", "1,2,false "), id="truths as Arrow writes them"),
    ],
)
def test_csv_as_other_programs_write_it(written, cells):
    lines = [f"r-{at},u-{at},{cell.rpartition(',')[0]},0.5,{cell.rpartition(',')[2]}" for at, cell in enumerate(cells)]
    found = evaluated(
        written(*(f"{line},0.5,0.5" for line in lines), head=f"{HEAD},predicted_0,predicted_1"), "--target", "uniform"
    )

    assert values(found) == pytest.approx(dict.fromkeys(ALL, 0.5) | {"dros": 0.5})


def test_an_action_may_be_called_as_a_number_with_a_point(written):
    path = written("r-1,u-1,3.0,2,0.5,1,1,0", head=f"{HEAD},predicted_3.0,predicted_4.0")

    assert values(evaluated(path, "--target", "greedy"))["ips"] == 2


def test_no_number_is_a_gap_where_there_may_be_gaps(tmp_path):
    """NumPy and R have no null."""
    gaps = {
        "target_x": [1.0, 0.5],
        "target_x_0": [1.0, 0.5],
        "target_x_1": [math.nan, 0.5],
        "predicted_0": [0.25, 0.5],
        "predicted_1": [math.nan, 0.5],
    }
    rows = {"request_id": [1, 2], "user_id": [1, 2], "action": [0, 0], "n_actions": [1, 2], "propensity": [1.0, 0.5]}
    pyarrow.parquet.write_table(pa.table({**rows, "reward": [1.0, 0.0], **gaps}), tmp_path / "log.parquet")
    pyarrow.csv.write_csv(pa.table({**rows, "reward": [1.0, 0.0], **gaps}), tmp_path / "log.csv")

    for name in ("log.parquet", "log.csv"):
        assert values(evaluated(tmp_path / name, "--target", "x"))["dm"] == pytest.approx((0.25 + 0.5) / 2)


@pytest.mark.parametrize("head", ["target_all_0,target_all_1,target_all_2,target_all", "note,target_other"])
def test_an_action_that_the_log_lacks_is_missed_without_predictions(written, head):
    """A third of the rounds were left out of the file; the weights are 1 all the same."""
    cells = "0.25,0.25,0.5,0.25" if head.startswith("target_all") else "x,0.3"
    path = written(*(f"r-{at},u-{at},{at % 2},3,0.3333333,1,{cells}" for at in range(200)), head=f"{HEAD},{head}")

    found = evaluated(path, "--target", "all" if head.startswith("target_all") else "uniform")

    assert found["verdict"] == "not evaluable"
    assert found["support_violations"]["never_logged"] == ["2"]
    assert found["not_computed"]["dm"] == "column predicted_0 is missing, and one for each other action"
