"""`oo-ml features`: each kind of difference is named, and what nobody recorded is no equality. `oo-ml replay`."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import example_models
import pytest
from oo_cli.app import app
from oo_cli.feature_snapshot import NOT_RECORDED, feature_differences, snapshot_of_code
from oo_consumers.effect_store import Store
from oo_contracts.events import ScoreDecision
from oo_contracts.stack_status import StackStatus, write_status
from oo_features.feature_record import record_of
from oo_features.feature_set import FeatureSet
from oo_features.feature_sets import RANKER_V1
from oo_model_cards.card_parts import Input
from oo_model_cards.registry import Registry
from oo_pipelines.simulation.simulate import Simulation
from oo_pipelines.simulation.simulated_users import SimulatedUsers
from typer.testing import CliRunner

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
CODE = snapshot_of_code(RANKER_V1)


def changed(place, **other):
    context = list(RANKER_V1.context)
    context[place] = dataclasses.replace(context[place], **other)
    return snapshot_of_code(FeatureSet("ranker-v1", tuple(context), RANKER_V1.profile, RANKER_V1.candidate))


def another_hour(moment):
    return moment.now.hour


def kinds(one, other):
    return {(item.feature, item.kind) for item in feature_differences(one, other)}


def test_nothing_differs_from_itself():
    assert feature_differences(CODE, snapshot_of_code(RANKER_V1)) == ()


@pytest.mark.parametrize(
    ("other", "kind"),
    [
        ({"dtype": "float32"}, "dtype"),
        ({"fallback": 11}, "fallback"),
        ({"high": 22}, "bounds"),
        ({"source": "x"}, "source"),
        ({"compute": another_hour}, "code"),
    ],
    ids=["dtype", "fallback", "bounds", "source", "code"],
)
def test_a_changed_declaration_is_named(other, kind):
    assert kinds(CODE, changed(0, **other)) == {(None, "fingerprint"), ("context.hour_of_day", kind)}


def test_another_name_is_one_gone_and_one_new():
    differences = feature_differences(CODE, changed(1, name="weekday"))

    assert [(item.feature, item.one, item.other) for item in differences if item.kind == "name"] == [
        ("context.day_of_week", "place 1", "absent"),
        ("context.weekday", "absent", "place 1"),
    ]
    assert not [item for item in differences if item.kind == "order"]


def test_another_order_is_named():
    context = (RANKER_V1.context[1], RANKER_V1.context[0], *RANKER_V1.context[2:])
    other = snapshot_of_code(FeatureSet("ranker-v1", context, RANKER_V1.profile, RANKER_V1.candidate))

    assert kinds(CODE, other) == {
        (None, "fingerprint"),
        ("context.hour_of_day", "order"),
        ("context.day_of_week", "order"),
    }


@pytest.fixture(scope="module")
def tracking_uri(tmp_path_factory):
    """Version 1 is of this code's features, version 2 of six others."""
    folder = tmp_path_factory.mktemp("registry")
    uri = f"sqlite:///{folder}/mlflow.db"
    registry = Registry(uri, artifacts=str(folder / "artifacts"))
    ours = dataclasses.replace(example_models.parts(onnx=False), feature_set=RANKER_V1.ref, features=RANKER_V1.names)
    inputs = tuple(Input(name=item.full_name, dtype=item.dtype) for item in RANKER_V1.features)
    registry.publish(ours, "tip-ranker", example_models.card(inputs=inputs), at=NOW)
    registry.publish(example_models.parts(onnx=False), "tip-ranker", example_models.card(), at=NOW)
    return uri


def diff(uri, *words):
    return CliRunner().invoke(app, ["features", "diff", *words, "--tracking-uri", uri])


@pytest.mark.parametrize("words", [("code",), ("tip-ranker/1",), (RANKER_V1.ref,), ("tip-ranker/2", "tip-ranker/2")])
def test_equal_is_exit_code_0(tracking_uri, words):
    done = diff(tracking_uri, *words)

    assert done.exit_code == 0, done.output
    assert done.output.startswith("equal: ")


@pytest.mark.parametrize("side", ["tip-ranker/2", example_models.FEATURE_SET])
def test_a_model_of_other_features_is_exit_code_1(tracking_uri, side):
    done = diff(tracking_uri, side, "tip-ranker/1", "--output", "json")

    said = json.loads(done.stdout)
    assert (done.exit_code, said["equal"]) == (1, False)
    assert (said["one"], said["other"]) == (example_models.FEATURE_SET, RANKER_V1.ref)
    names = {item["feature"] for item in said["differences"] if item["kind"] == "name"}
    assert names == {*example_models.FEATURES, *RANKER_V1.names}


def test_a_fallback_that_nobody_recorded_is_said_once_and_is_not_equal(tracking_uri, tmp_path):
    registry = Registry(tracking_uri, artifacts=str(tmp_path / "artifacts"))
    old = dataclasses.replace(
        example_models.parts(onnx=False), feature_set="ranker-v1@00000000", features=RANKER_V1.names
    )
    inputs = tuple(Input(name=item.full_name, dtype=item.dtype) for item in RANKER_V1.features)
    version = registry.publish(old, "older", example_models.card(name="older", inputs=inputs), at=NOW)

    said = json.loads(diff(tracking_uri, f"older/{version.version}", "--output", "json").stdout)["differences"]

    assert {(item["feature"], item["kind"]) for item in said} == {
        (None, "fingerprint"),
        *((None, kind) for kind in ("fallback", "bounds", "ttl", "source", "code")),
    }
    assert {item["one"] for item in said if item["kind"] != "fingerprint"} == {NOT_RECORDED}


def test_what_a_model_was_trained_on_is_known_of_other_code_too(tracking_uri, tmp_path):
    registry = Registry(tracking_uri, artifacts=str(tmp_path / "artifacts"))
    old = dataclasses.replace(
        example_models.parts(onnx=False), feature_set="ranker-v1@00000001", features=RANKER_V1.names
    )
    first, *rest = (Input(name=item.full_name, **record_of(item)) for item in RANKER_V1.features)
    before = first.model_copy(update={"fallback": 8.0, "code": "0123456789abcdef"})
    version = registry.publish(old, "before", example_models.card(name="before", inputs=(before, *rest)), at=NOW)

    said = json.loads(diff(tracking_uri, f"before/{version.version}", "--output", "json").stdout)["differences"]

    assert {(item["feature"], item["kind"], item["one"]) for item in said} == {
        (None, "fingerprint", "ranker-v1@00000001"),
        (first.name, "fallback", "8.0"),
        (first.name, "code", "0123456789abcdef"),
    }


@pytest.mark.parametrize(
    "side", ["tip-ranker/9", "nobody/1", "ranker-v1@ffffffff", "tip-ranker@nobody", "what is this", "'@deadbeef"]
)
def test_what_cannot_be_found_is_exit_code_2(tracking_uri, side):
    done = diff(tracking_uri, side)

    assert done.exit_code == 2
    assert done.exception is None or isinstance(done.exception, SystemExit)


def test_the_list_has_every_feature_in_order():
    (said,) = json.loads(CliRunner().invoke(app, ["features", "list", "--output", "json"]).output)

    assert said["feature_set"] == RANKER_V1.ref
    assert tuple(item["name"] for item in said["features"]) == RANKER_V1.names
    assert "context.hour_of_day" in CliRunner().invoke(app, ["features", "list"]).output


@pytest.mark.long
@pytest.mark.parametrize("spoilt", [False, True])
def test_oo_ml_replay_asks_the_stacks_store(tmp_path, spoilt):
    """A stack that says it runs (this very process) is enough: a simulated past needs no MLflow."""
    data = tmp_path / "data"
    (data / "run").mkdir(parents=True)
    decisions = [
        item for _, item in Simulation(SimulatedUsers(1, 10), NOW, 2).events() if isinstance(item, ScoreDecision)
    ]
    if spoilt:
        decisions[0] = decisions[0].model_copy(update={"chosen_id": "nobody"})
    store = Store.open(f"sqlite:///{data}/effects.db")
    store.record_all("decisions", decisions)
    store.close()
    nowhere = ("nats://127.0.0.1:9", "sqlite://", "http://127.0.0.1:9")
    status = StackStatus("ready", os.getpid(), "http://127.0.0.1:9", 9000, str(data), *nowhere, None, None, None, ())
    write_status(status)

    command = [Path(sys.prefix) / "bin" / "oo-ml", "replay", "--data", str(data), "--output", "json"]
    done = subprocess.run([*command, "--since", "2026-11-01"], capture_output=True, text=True, check=False, timeout=120)

    said = json.loads(done.stdout)
    assert done.returncode == int(spoilt), done.stderr
    assert said["decisions"] == len(decisions)
    assert [item["what"] for item in said["first"]] == ["chosen"] * spoilt
