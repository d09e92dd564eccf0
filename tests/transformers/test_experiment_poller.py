"""Experiments and beliefs change while everything runs; what is unusable, or away, changes nothing."""

from __future__ import annotations

import asyncio
import json

import pytest
from example_experiments import NOW, experiment
from oo_consumers.beliefs.belief_writer import serialize
from oo_decisions.experiment_overlay import require_known_prompts
from oo_experiments.assignment.experiment import BadExperiment, Holdout, parse_definition
from oo_experiments.policies.beliefs import Beliefs, Contribution
from oo_prompts.prompt_registry import load_prompts
from oo_transformers import metrics
from oo_transformers.experiment_poller import ExperimentPoller
from real_nats import Nats

PROMPTS = frozenset(load_prompts())
TAUGHT = Beliefs().add(Contribution("v2", 1.0))


def live(url="nats://127.0.0.1:1", *files):
    return ExperimentPoller(url, {item.key: item for item in files}, PROMPTS)


def keys(of):
    return [item.key for item in of.active.experiments]


def unusable(kind):
    return metrics.UNUSABLE.labels(kind)._value.get()


def test_what_the_bucket_says_is_laid_over_the_files():
    one = live("nats://127.0.0.1:1", experiment("tone"))

    one.apply({"words": [experiment("words").model_dump_json().encode()]}, {"words": serialize("words", TAUGHT, NOW)})

    assert keys(one) == ["tone", "words"]
    assert one.active.beliefs == {"words": TAUGHT}


def test_what_is_taken_out_of_the_bucket_leaves_the_file():
    one = live("nats://127.0.0.1:1", experiment("tone"))
    one.apply({"tone": [experiment("tone", status="stopped").model_dump_json().encode()]}, {})
    assert one.active.experiments[0].status == "stopped"

    one.apply({}, {})

    assert one.active.experiments[0].status == "running"


def test_the_holdout_may_come_by_the_bucket():
    one = live()

    one.apply({"holdout": [b'{"share": 0.1}']}, {})

    assert one.active.holdout == Holdout(share=0.1)


OTHER = experiment("words").model_dump_json().encode()


@pytest.mark.parametrize("bad", [b"", b"{}", b"null", b'{"key": "tone"}', b"\xff", b"[" * 200_000, OTHER])
def test_a_bad_definition_keeps_the_one_before(bad, caplog):
    one, before = live(), unusable("experiment")
    one.apply({"tone": [experiment("tone").model_dump_json().encode()], "other": [bad]}, {})
    assert keys(one) == ["tone"]

    one.apply({"tone": [bad]}, {})

    assert keys(one) == ["tone"]
    assert unusable("experiment") == before + 2
    assert "left as it was: experiment tone" in caplog.text


def of_linear(gram, moment=0, d=2):
    linear = {"d": d, "rounds": 1, "gram": [gram] * (d * (d + 1) // 2), "moment": [moment] * d}
    return json.dumps({"beliefs": {"arms": {}, "linear": linear}}).encode()


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"[]",
        b"3",
        b"{}",
        b"[" * 200_000,
        b'{"beliefs": {"arms": {"v1": [1.5, 0]}}}',
        b'{"beliefs": null}',
        json.dumps({"beliefs": {"arms": {"v1": [10**400, 1]}}}).encode(),
        json.dumps({"beliefs": {"arms": {"v1": [1, 10**400]}}}).encode(),
        pytest.param(of_linear(-1 << 40), id="no contexts add up to this"),
        pytest.param(of_linear(10**400), id="too large for a float"),
    ],
)
def test_bad_beliefs_keep_those_before(bad):
    one, before = live(), unusable("beliefs")
    one.apply({}, {"words": serialize("words", TAUGHT, NOW)})

    one.apply({}, {"words": bad})

    assert one.active.beliefs == {"words": TAUGHT}
    assert unusable("beliefs") == before + 1


def test_a_prompt_version_that_nobody_has_written_is_refused():
    words = experiment("words", about="prompts", prompts=["v1", "v99"])

    with pytest.raises(BadExperiment, match=r"words: prompts: there is no version v99; known are v1"):
        require_known_prompts(words, PROMPTS)


async def until(true, patience=30.0):
    end = asyncio.get_running_loop().time() + patience
    while not true() and asyncio.get_running_loop().time() < end:
        await asyncio.sleep(0.05)
    return true()


@pytest.mark.real
async def test_nats_may_come_late_change_go_away_and_come_back(tmp_path):
    nats = Nats(tmp_path)
    one = live(nats.url, experiment("tone"))
    one.start()
    try:
        assert keys(one) == ["tone"]

        nats.start()
        await nats._put("experiments", "words", experiment("words").model_dump_json().encode())
        await nats._put("beliefs", "words", serialize("words", TAUGHT, NOW))
        assert await until(lambda: keys(one) == ["tone", "words"] and one.active.beliefs == {"words": TAUGHT})

        nats.stop()
        await asyncio.sleep(1.5)
        assert keys(one) == ["tone", "words"]

        nats.start()
        more = TAUGHT.add(Contribution("v1", 0.5))
        await nats._put("beliefs", "words", serialize("words", more, NOW))
        assert await until(lambda: one.active.beliefs == {"words": more})

        await nats._put("experiments", "words", None)
        assert await until(lambda: keys(one) == ["tone"])
    finally:
        await one.stop()
        nats.stop()


def test_what_is_put_is_what_is_parsed():
    found = experiment("words", about="prompts", prompts=["v1", "v2"])

    assert require_known_prompts(parse_definition("words", json.dumps(found.model_dump(mode="json"))), PROMPTS) == found
