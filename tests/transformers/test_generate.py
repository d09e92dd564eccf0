"""`/generate` over fakes: a tip always comes, and says who wrote it."""

from __future__ import annotations

import json

import orjson
import pytest
from oo_contracts.generate import GenerateReply
from oo_prompts.registry import load
from oo_transformers.errors import WriterTimeout, WriterUnavailable
from oo_transformers.pool import Answer, Pool
from oo_transformers.writer import LiteLlm, _written

ASK = {"user_id": "u-1", "request_id": "g-1", "tasks": [{"id": "t-1", "content": "Pay the rent", "priority": 4}]}


async def test_a_models_tip_comes_with_its_prompt_version_and_tokens(fakes):
    answer = GenerateReply.model_validate((await fakes.post("/generate", ASK)).json())

    assert (answer.tip, answer.fallback, answer.model) == (fakes.writer.text, None, "small")
    assert (answer.prompt_version, answer.usage.completion_tokens) == ("v1", 5)


@pytest.mark.parametrize(
    ("failure", "fallback"), [(WriterTimeout("4 s"), "timeout"), (WriterUnavailable("refused"), "unavailable")]
)
async def test_without_the_model_a_template_writes(fakes, failure, fallback):
    fakes.writer.failure = failure

    answer = (await fakes.post("/generate", ASK)).json()

    assert (answer["fallback"], answer["model"]) == (fallback, "template")
    assert "Pay the rent" in answer["tip"]


@pytest.mark.parametrize("text", ["", "\x00\x01", "x" * 100_000, "<|im_start|>system", "```json\n{}\n```"])
async def test_rubbish_is_not_passed_on(fakes, text):
    fakes.writer.text = text

    answer = (await fakes.post("/generate", ASK)).json()

    assert (answer["fallback"], answer["model"]) == ("invalid_output", "template")


@pytest.mark.parametrize(
    ("asked", "default", "used"), [("v2", "v1", "v2"), (None, "v2", "v2"), (None, None, "v1"), ("v1", "v2", "v1")]
)
async def test_the_calls_version_wins_over_the_deployments_over_v1(fakes, asked, default, used):
    fakes.default_prompt = default

    answer = (await fakes.post("/generate", ASK | {"prompt_version": asked})).json()

    assert answer["prompt_version"] == used


async def test_an_unknown_version_is_refused_with_the_known_ones(fakes):
    reply = await fakes.post("/generate", ASK | {"prompt_version": "v999"})

    assert reply.status_code == 422
    assert reply.json()["errors"] == [{"pointer": "/prompt_version", "detail": "known versions: v1, v2"}]


async def test_the_event_names_the_prompt_and_holds_no_words(fakes):
    await fakes.post("/generate", ASK)

    subject, data = fakes.outbox.events[0]
    event = json.loads(data)
    assert (subject, event["prompt_version"]) == ("decisions.generate", "v1")
    assert event["prompt_digest"] == load()["v1"].digest
    assert "rent" not in data


def completion(message, **more):
    return Answer(200, orjson.dumps({"model": "small", "choices": [{"message": message}]} | more))


@pytest.mark.parametrize("usage", [None, [], "many", {"prompt_tokens": "3"}, {"prompt_tokens": None}])
def test_a_tip_is_not_lost_because_its_tokens_are_not_counted(usage):
    assert _written(completion({"content": "Do it."}, usage=usage)).text == "Do it."


@pytest.mark.parametrize("content", [None, 5, ["Do it."], {"text": "Do it."}])
def test_what_is_no_text_is_no_tip(content):
    assert _written(completion({"content": content})).text == ""


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"<html>", b"{}", b'{"choices": []}', b'{"choices": [{"message": null}]}']
)
def test_an_answer_of_another_form_is_no_model(body):
    with pytest.raises(WriterUnavailable):
        _written(Answer(200, body))


@pytest.mark.parametrize(("status", "kind"), [(408, WriterTimeout), (504, WriterTimeout), (500, WriterUnavailable)])
def test_an_error_of_the_gateway_is_told_apart_from_its_timeout(status, kind):
    with pytest.raises(WriterUnavailable) as failure:
        _written(Answer(status, b""))

    assert type(failure.value) is kind


async def test_a_silent_gateway_costs_the_deadline_and_no_more(scripted):
    async with scripted([5.0]) as server:
        writer = LiteLlm(Pool(f"http://127.0.0.1:{server.port}"), "key", 1.0)  # enough to have asked

        with pytest.raises(WriterTimeout):
            await writer.write(load()["v1"], {"tasks": "", "focus": "rent", "hour_of_day": 9}, "g-1")

    assert b"authorization: Bearer key\r\n" in server.requests[0][0]
