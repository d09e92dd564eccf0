"""What a predictor serves, refuses to serve, and says about it when it starts."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys

import defective_graphs
import nats
import pytest
from example_models import FEATURE_SET, parts, rows
from oo_model_cards import artifact
from real_nats import Nats
from waiting import free_port

pytestmark = [pytest.mark.real, pytest.mark.long]
CHAMPION = "mlflow://tip-ranker@champion"
INFER = "/v2/models/tip-ranker/infer"


def body(given):
    tensor = {"name": "rows", "shape": list(given.shape), "datatype": "FP32", "data": given.ravel().tolist()}
    return {"id": "r-1", "inputs": [tensor]}


@pytest.fixture
def run():
    """The command line, to its end."""

    def ran(*arguments, **environ):
        command = [sys.executable, "-P", "-m", "oo_predictors", *map(str, arguments)]
        return subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=60, env=os.environ | environ
        )

    return ran


def test_a_champion_is_served_by_its_mlflow_version(start, mlflow_server, published, tmp_path):
    served = start("--model_uri", CHAMPION, TRACKING_URI=mlflow_server.url, CACHE_DIR=tmp_path).ready()

    status, _, reply = served.ask(INFER, body(rows(2)))

    assert (status, reply["model_version"]) == (200, published.version)
    assert served.ask("/v2/models/tip-ranker")[2]["properties"]["digest"] == published.digest


def test_a_restart_without_mlflow_serves_the_same_version(start, mlflow_server, published, tmp_path):
    start("--model_uri", CHAMPION, TRACKING_URI=mlflow_server.url, CACHE_DIR=tmp_path).ready().stop()

    nowhere = f"http://127.0.0.1:{free_port()}"
    again = start("--model_uri", CHAMPION, TRACKING_URI=nowhere, CACHE_DIR=tmp_path).ready()

    assert again.ask("/v2/models/tip-ranker")[2]["properties"]["digest"] == published.digest


def test_a_first_start_without_mlflow_is_refused(start, tmp_path):
    served = start("--model_uri", CHAMPION, TRACKING_URI=f"http://127.0.0.1:{free_port()}", CACHE_DIR=tmp_path)

    code, said = served.refused()

    assert code == 3
    assert "refused: " in said
    assert "Traceback" not in said


def test_fetch_fills_a_folder_that_is_served_with_its_version(run, start, mlflow_server, published, tmp_path):
    done = run("fetch", CHAMPION, tmp_path / "models", OO_PREDICTOR_TRACKING_URI=mlflow_server.url)

    served = start("--model_dir", tmp_path / "models").ready()

    assert done.returncode == 0, done.stderr
    assert published.digest in done.stdout
    assert served.ask(INFER, body(rows(1)))[2]["model_version"] == published.version


def test_a_tampered_folder_is_refused_by_name(start, model_dir, tmp_path):
    folder = shutil.copytree(model_dir, tmp_path / "model")
    (folder / "model.onnx").write_bytes(b"other")

    code, said = start("--model_dir", folder).refused()

    assert (code, said) == (3, "oo_predictors: refused: model.onnx was changed\n")


def test_a_model_whose_graph_answers_nan_is_refused_before_it_serves(start, tmp_path):
    artifact.write_model(tmp_path / "model", dataclasses.replace(parts(), onnx=defective_graphs.nan_somewhere()))

    code, said = start("--model_dir", tmp_path / "model").refused()

    assert (code, said.startswith("oo_predictors: refused: it gives nan for")) == (3, True)


def test_a_model_of_another_feature_set_is_refused(start, model_dir):
    code, said = start("--model_dir", model_dir, FEATURE_SET="ranker-v9@0000000000000000").refused()

    assert (code, FEATURE_SET in said) == (3, True)


def test_a_model_without_a_graph_is_served_by_sklearn(start, tmp_path):
    artifact.write_model(tmp_path / "model", parts(onnx=False))

    served = start("--model_dir", tmp_path / "model").ready()

    assert served.ask("/v2/models/tip-ranker")[2]["platform"] == "sklearn"
    assert served.ask(INFER, body(rows(2)))[0] == 200


def test_each_call_leaves_one_event_that_says_the_role(start, model_dir, tmp_path):
    server = Nats(tmp_path / "nats")
    server.start()
    server.publish()
    served = start("--model_dir", model_dir, NATS_URL=server.url).ready()

    live = served.ask(INFER, body(rows(2)))[2]
    copy = served.ask(INFER, body(rows(2)), port=served.shadow_port)[2]
    served.stop(signal.SIGTERM)
    events = asyncio.run(predictions(server.url))
    server.stop()

    assert (live["parameters"]["role"], copy["parameters"]["role"]) == ("live", "shadow")
    assert [(event["request_id"], event["role"], event["feature_set"]) for event in events] == [
        ("r-1", "live", FEATURE_SET),
        ("r-1", "shadow", FEATURE_SET),
    ]
    assert events[0]["values"] == events[1]["values"] == live["outputs"][0]["data"]


async def predictions(url):
    connection = await nats.connect(url)
    js = connection.jetstream()
    last = (await js.stream_info("PREDICTIONS")).state.messages
    found = [await js.get_msg("PREDICTIONS", place) for place in range(1, last + 1)]
    await connection.close()
    assert {message.subject for message in found} <= {"predictions.tip-ranker"}
    return [json.loads(message.data) for message in found]


def test_a_caller_cannot_choose_the_role(start, model_dir):
    served = start("--model_dir", model_dir).ready()
    said = body(rows(1)) | {"parameters": {"role": "live"}}

    reply = served.ask(INFER, said, port=served.shadow_port, host=f"tip-ranker:{served.port}")[2]
    other = served.ask(INFER, body(rows(1)), host="tip-ranker-shadow")[2]

    assert (reply["parameters"]["role"], other["parameters"]["role"]) == ("shadow", "live")


def test_arguments_that_kserve_appends_are_accepted(start, model_dir):
    appended = ["--workers", "1", "--enable_docs_url", "false", "--predictor_protocol", "v2"]

    assert start("--model_dir", model_dir, *appended).ready().ask("/healthz/ready")[0] == 200


@pytest.mark.parametrize(
    ("arguments", "environ", "named"),
    [
        (["--model_url", "x"], {}, "--model_url"),
        (["--http_port", "many"], {}, "--http_port"),
        (["--model_dir", "a", "--model_uri", "mlflow://a@b"], {}, "not allowed with"),
        (["--model_uri", "s3://bucket/model"], {}, "is not like mlflow://"),
        ([], {"OO_PREDICTOR_MAX_ROW": "9"}, "OO_PREDICTOR_MAX_ROW"),
        ([], {"OO_PREDICTOR_MAX_ROWS": "many"}, "OO_PREDICTOR_MAX_ROWS"),
        (["fetch", "mlflow://a@b"], {}, "folder"),
        (["fetch", "nonsense", "/nowhere"], {}, "is not like mlflow://"),
    ],
)
def test_a_wrong_call_is_one_exit_code_and_names_what_is_wrong(run, arguments, environ, named):
    done = run(*arguments, **environ)

    assert done.returncode == 2
    assert named in done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_that_is_not_there_is_refused(run, tmp_path):
    done = run("--model_dir", tmp_path / "nowhere")

    assert done.returncode == 3
    assert "nowhere has no oo.json" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "told"), [(["--help"], "OO_PREDICTOR_MAX_ROWS"), (["fetch", "--help"], "mlflow://NAME@ALIAS")]
)
def test_help_says_what_can_be_said(run, arguments, told):
    done = run(*arguments)

    assert done.returncode == 0
    assert told in done.stdout
