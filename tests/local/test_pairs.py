"""Transformers and predictors of two feature sets behind one split: scores never cross, and every answer says so."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime

import earlier_predictor
import httpx
import numpy as np
import pytest
import sklearn
import skops.io
import yaml
from oo_contracts.score import ScoreRequest
from oo_contracts.score_call import ScoreCall
from oo_experiments.assignment.assignment import ActiveExperiments
from oo_experiments.policies.policy import Greedy
from oo_features.feature_set import FeatureSet
from oo_features.feature_sets import RANKER_V1
from oo_local import envoy
from oo_local.envoy import Split
from oo_local.layout import Layout
from oo_local.programs import Programs
from oo_local.stack import CHART
from oo_model_cards import artifact
from oo_model_cards.artifact import ModelFiles
from oo_serving.connection_pool import ConnectionPool
from oo_serving.pace import Pace
from oo_transformers.predictor_client import InferenceClient
from oo_transformers.scorer import Scorer
from oo_transformers.tensor_form import TensorForm
from sklearn.linear_model import LogisticRegression
from waiting import eventually, free_span, listens

pytestmark = pytest.mark.long

A = RANKER_V1
B = FeatureSet("ranker-v1", A.context[::-1], A.profile, A.candidate)  # the same columns in another order
PRESENT, EARLIER = ("-m", "oo_predictors"), (earlier_predictor.__file__,)  # releases of the predictor's program
ROUNDS = 1_000  # calls by each transformer
VALUES = yaml.safe_load((CHART / "values.yaml").read_text())
HALF = {**VALUES, "rollout": {"challenger": {"weight": 50, "mirrorPercent": 0}}}
TASKS = [{"id": f"t-{place}", "content": "x" * place, "priority": 1 + place % 4} for place in range(3)]


def model(folder, feature_set, names, seed):
    """A published folder whose model tells its seed apart from others by its values."""
    draw = np.random.default_rng(seed)
    fitted = LogisticRegression().fit(draw.normal(size=(200, len(names))), draw.integers(0, 2, 200))
    artifact.write_model(
        folder, ModelFiles(skops.io.dumps(fitted), None, feature_set, names, sklearn.__version__, None)
    )
    return artifact.digest(folder)[:12]  # the version that a folder without a pin has


def predictor(folder, port, program):
    command = (sys.executable, "-P", *program, "--model_dir", str(folder), "--model_name", "tip-ranker",
               "--http_port", str(port))  # fmt: skip
    told = os.environ | {"OO_PREDICTOR_HOST": "127.0.0.1", "OO_PREDICTOR_NATS_URL": "nats://127.0.0.1:1"}
    return subprocess.Popen(command, env=told, stderr=subprocess.DEVNULL)


def ready(url):
    try:
        return httpx.get(f"{url}/healthz/ready").status_code == 200
    except httpx.HTTPError:
        return False


@dataclass
class Kept:
    """An outbox that nobody reads."""

    events: list = field(default_factory=list)

    def put(self, subject, event, sender):
        self.events.append(event)


@pytest.fixture
def halves(tmp_path):
    """Start two predictors behind a real Envoy that deals calls out half and half; gives their versions."""
    running = []

    def start(*models, second=PRESENT):
        base = free_span()
        layout = Layout(tmp_path, base)
        versions = [model(tmp_path / str(place), *said, seed=place) for place, said in enumerate(models)]
        for place, name in enumerate(("predictor", "challenger")):
            running.append(predictor(tmp_path / str(place), layout.at(name), second if place else PRESENT))
        envoy.write(layout, HALF, Split(challenger="challenger"))
        file = str(layout.run / "envoy" / "envoy-1.json")
        command = [Programs(os.environ).envoy, "-c", file, "--disable-hot-restart", "--concurrency", "1", "-l", "error"]
        running.append(subprocess.Popen(command))
        assert eventually(lambda: ready(layout.url("predictor")) and ready(layout.url("challenger")), patience=60)
        assert eventually(lambda: listens(layout.at("split")))
        return layout.url("split"), versions

    yield start
    for process in reversed(running):
        process.kill()  # there is no NATS to leave anything to
        process.wait(20)


async def answered(url, features, count=ROUNDS, form=None):
    """What a transformer of a feature set answers, 8 calls at a time."""
    pool = ConnectionPool(url)
    client = InferenceClient(pool, "tip-ranker", 5.0, features.columns, form=form or TensorForm())
    scorer = Scorer(
        features, client, Greedy(), ActiveExperiments, Kept(), lambda: datetime(2026, 11, 23, 9, tzinfo=UTC)
    )
    ask = ScoreCall.from_request(ScoreRequest.model_validate({"user_id": "u-1", "tasks": TASKS}))
    replies = []
    for _ in range(count // 8):
        replies += [scored.reply for scored in await asyncio.gather(*(scorer(ask, {}, Pace()) for _ in range(8)))]
    pool.close()
    return replies


def kinds(replies):
    """Which model gave all scores of an answer, and what the answer says of itself."""
    return Counter((reply["model"]["version"], reply["degraded"]) for reply in replies)


def by_candidate(reply):
    return tuple(sorted((item["candidate_id"], item["score"]) for item in reply["scores"]))


async def test_two_by_two_no_score_crosses(halves):
    url, (version_a, version_b) = halves((A.ref, A.names), (B.ref, B.names))

    for features, own in ((A, version_a), (B, version_b)):
        replies = await answered(url, features)

        found = kinds(replies)
        assert set(found) == {(own, None), ("0", "features")}
        assert 0.4 * len(replies) < found[own, None] < 0.6 * len(replies)
        sound = {by_candidate(reply) for reply in replies if reply["degraded"] is None}
        assert len(sound) == 1  # one model, one row each: one set of scores and no mixture
        assert {item["score"] for reply in replies if reply["degraded"] for item in reply["scores"]} == {0.0}


async def test_the_same_fingerprint_over_columns_in_another_order_never_answers(halves):
    """What a fault in training could publish: the right tag, and rows that mean something else."""
    url, (version_a, _) = halves((A.ref, A.names), (A.ref, B.names))

    found = kinds(await answered(url, A, 400))

    assert set(found) == {(version_a, None), ("0", "features")}


async def test_a_pair_that_agrees_is_never_degraded(halves):
    url, versions = halves((A.ref, A.names), (A.ref, A.names))

    assert set(kinds(await answered(url, A, 400))) == {(version, None) for version in versions}


class Eager(TensorForm):
    """Sends bytes at once, and again after each refusal: as if every call were the first after a minute."""

    def record(self, *, gave_bytes):
        self.refused += not gave_bytes
        self.is_binary = True

    refused = 0


async def test_a_predictor_of_an_earlier_release_beside_a_new_one_degrades_nothing(halves):
    """Both have the same model: so both forms of all calls, in the order in which they come, give one set of scores."""
    url, versions = halves((A.ref, A.names), (A.ref, A.names), second=EARLIER)
    eager = Eager()

    replies = await answered(url, A, 400) + await answered(url, A, 400, eager)

    assert set(kinds(replies)) == {(version, None) for version in versions}
    assert eager.refused > 100
    for version in versions:
        assert len({by_candidate(reply) for reply in replies if reply["model"]["version"] == version}) == 1
