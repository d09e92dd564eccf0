"""The command line where nothing runs: it teaches, and refuses in one line with the fix."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from waiting import listens

OO_ML = Path(sys.prefix) / "bin" / "oo-ml"
COMMANDS = (
    *("up", "down", "status", "logs", "doctor", "score", "generate", "simulate", "train", "replay"),
    *("contract", "features", "plan"),
)


def oo_ml(tmp_path, *words, **environ):
    given = os.environ | {"OO_LOCAL_DATA": str(tmp_path / "data"), "NO_COLOR": "1", "COLUMNS": "200"} | environ
    return subprocess.run([OO_ML, *words], env=given, capture_output=True, text=True, check=False, timeout=60)


def test_help_lists_every_command(tmp_path):
    said = oo_ml(tmp_path, "--help").stdout

    assert all(f" {command} " in said for command in COMMANDS)


@pytest.mark.long
@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(tmp_path, command):
    done = oo_ml(tmp_path, command, "--help")

    assert done.returncode == 0
    assert len(done.stdout.splitlines()) > 5


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("status",), 1, "oo-ml up"),
        (("score",), 1, "oo-ml up"),
        (("train",), 1, "oo-ml up"),
        (("replay",), 1, "oo-ml up"),
        (("replay", "--limit", "0"), 2, "--limit"),
        (("replay", "--since", "yesterday"), 2, "--since: yesterday is not like 7d"),
        (("ope", "--target", "baseline", "--since", "99999999w"), 2, "--since: 99999999w is not like 7d"),
        (("features", "diff", "tip-ranker/1"), 2, "oo-ml up"),
        (("logs", "nobody"), 2, "no log of nobody"),
        (("score", "/no/such/file"), 2, "cannot be read"),
        (("up", "--port", "80"), 2, "--port"),
        (("dance",), 2, "No such command"),
        (("status", "--output", "xml"), 2, "--output"),
    ],
)
def test_a_refusal_says_what_and_how_to_mend_it(tmp_path, words, code, said):
    done = oo_ml(tmp_path, *words)

    assert done.returncode == code
    assert said in done.stderr + done.stdout
    assert "Traceback" not in done.stderr


def test_every_mistake_of_an_experiment_is_a_line(tmp_path):
    (tmp_path / "mine.toml").write_text(
        'kee = "mine"\npurpose = "why"\ncoverage = 3\n'
        '[[variants]]\nname = "only"\nweigth = 1\npolicy = { kind = "greedy" }'
    )

    done = oo_ml(tmp_path, "experiment", "put", str(tmp_path / "mine.toml"))

    said = done.stderr.splitlines()
    assert done.returncode == 2
    assert said[0].endswith("mine.toml is no experiment: 5 mistakes")
    assert "  kee: there is no such field: did you mean key?" in said
    assert "  variants.0.weigth: there is no such field: did you mean weight?" in said
    assert "  coverage: Input should be less than or equal to 1" in said


@pytest.mark.parametrize("words", [("status",), ("train",), ("features", "diff", "tip-ranker/1")])
def test_a_hint_means_the_same_stack(tmp_path, words):
    assert f"`oo-ml up --data {tmp_path / 'data'}`" in oo_ml(tmp_path, *words).stderr


def test_down_of_nothing_is_no_error(tmp_path):
    assert oo_ml(tmp_path, "down").returncode == 0


@pytest.mark.long
@pytest.mark.parametrize("offset", [0, 9])
@pytest.mark.parametrize("how", [(), ("--detach",)])
def test_a_taken_port_is_one_line_and_nothing_is_left_running(tmp_path, offset, how):
    port = next(base for base in range(30_500, 32_000, 20) if not any(listens(base + place) for place in range(13)))
    with socket.create_server(("127.0.0.1", port + offset)):
        done = oo_ml(tmp_path, "up", *how, "--port", str(port))

    lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    assert done.returncode == 1
    assert len(lines) == 1
    assert f"port {port + offset}" in lines[0]
    assert "--port" in lines[0]
    assert not any(listens(port + place) for place in range(13))


def test_a_missing_program_is_one_line(tmp_path):
    done = oo_ml(tmp_path, "up", "--port", "31800", OO_LOCAL_ENVOY="/no/such/envoy")

    assert done.returncode == 1
    assert "OO_LOCAL_ENVOY=/no/such/envoy is not a program" in done.stdout + done.stderr


def test_doctor_names_each_problem_with_its_fix(tmp_path):
    done = oo_ml(tmp_path, "doctor", "--port", "31840", OO_LOCAL_NATS_SERVER="/no/such/nats")

    assert done.returncode == 1
    assert "OO_LOCAL_NATS_SERVER=/no/such/nats is not a program" in done.stdout


@pytest.mark.long
@pytest.mark.parametrize("name", ["OO_TRANSFORMER_BUGDET", "OO_CONSUMER_NONSENSE", "OO_TRANSFORMERS_EPSILON"])
@pytest.mark.parametrize("command", ["up", "doctor"])
def test_a_misspelt_variable_stops_it(tmp_path, command, name):
    done = oo_ml(tmp_path, command, "--port", "31840", **{name: "1"})

    assert done.returncode == (2 if command == "up" else 1)
    assert f"{name} is no variable of ours" in done.stdout + done.stderr
    assert not (tmp_path / "data").exists()


def test_all_mistakes_of_the_environment_are_named_at_once(tmp_path):
    done = oo_ml(tmp_path, "up", OO_TRANSFORMER_BUGDET="1", OO_TRANSFORMER_EPSILON="7", OO_PIPELINE_SEED="x")

    assert done.returncode == 2
    assert "3 mistakes" in done.stderr
    assert all(name in done.stderr for name in ("OO_TRANSFORMER_BUGDET", "OO_TRANSFORMER_EPSILON", "OO_PIPELINE_SEED"))


def test_doctor_finds_nothing_wrong(tmp_path):
    done = oo_ml(tmp_path, "doctor", "--port", "31840")

    assert done.returncode == 0, done.stdout
