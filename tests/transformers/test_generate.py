"""`/generate` over fakes: a tip always comes, and says who wrote it."""

from __future__ import annotations

import json

import orjson
import pytest
from oo_contracts.generate import GenerateReply
from oo_prompts.prompt_registry import load_prompts
from oo_serving.connection_pool import ConnectionPool
from oo_serving.upstream_connection import UpstreamResponse
from oo_transformers.degradation import LanguageModelTimeout, LanguageModelUnavailable
from oo_transformers.language_model import LiteLlm, _completion

ASK = {"user_id": "u-1", "request_id": "g-1", "tasks": [{"id": "t-1", "content": "Pay the rent", "priority": 4}]}


async def test_a_models_tip_comes_with_its_prompt_version_and_tokens(fakes):
    answer = GenerateReply.model_validate((await fakes.post("/generate", ASK)).json())

    assert (answer.tip, answer.fallback, answer.model) == (fakes.writer.text, None, "small")
    assert (answer.prompt_version, answer.usage.completion_tokens) == ("v1", 5)


@pytest.mark.parametrize(
    ("failure", "fallback"),
    [(LanguageModelTimeout("4 s"), "timeout"), (LanguageModelUnavailable("refused"), "unavailable")],
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
    known = ", ".join(load_prompts())
    assert reply.json()["errors"] == [{"pointer": "/prompt_version", "detail": f"known versions: {known}"}]


async def test_an_unknown_default_is_refused_unless_the_call_names_a_version(fakes):
    fakes.default_prompt = "v999"

    assert (await fakes.post("/generate", ASK)).status_code == 422
    assert (await fakes.post("/generate", ASK | {"prompt_version": "v2"})).json()["prompt_version"] == "v2"


async def test_the_event_names_the_prompt_and_holds_no_words(fakes):
    await fakes.post("/generate", ASK)

    subject, data = fakes.outbox.events[0]
    event = json.loads(data)
    assert (subject, event["prompt_version"]) == ("decisions.generate", "v1")
    assert event["prompt_digest"] == load_prompts()["v1"].digest
    assert "rent" not in data


def completion(message, **more):
    return UpstreamResponse(200, orjson.dumps({"model": "small", "choices": [{"message": message}]} | more))


@pytest.mark.parametrize("usage", [None, [], "many", {"prompt_tokens": "3"}, {"prompt_tokens": None}])
def test_a_tip_is_not_lost_because_its_tokens_are_not_counted(usage):
    assert _completion(completion({"content": "Do it."}, usage=usage)).text == "Do it."


@pytest.mark.parametrize("content", [None, 5, ["Do it."], {"text": "Do it."}])
def test_what_is_no_text_is_no_tip(content):
    assert _completion(completion({"content": content})).text == ""


@pytest.mark.parametrize("body", [b"", b"[]", b"<html>", b"{}", b"7", b'{"error": {}}'])
def test_an_answer_of_another_form_is_no_model(body):
    with pytest.raises(LanguageModelUnavailable):
        _completion(UpstreamResponse(200, body))


@pytest.mark.parametrize(
    ("status", "kind"), [(408, LanguageModelTimeout), (504, LanguageModelTimeout), (500, LanguageModelUnavailable)]
)
def test_an_error_of_the_gateway_is_told_apart_from_its_timeout(status, kind):
    with pytest.raises(LanguageModelUnavailable) as failure:
        _completion(UpstreamResponse(status, b""))

    assert type(failure.value) is kind


async def test_a_silent_gateway_costs_the_deadline_and_no_more(scripted):
    async with scripted([5.0]) as server:
        writer = LiteLlm(ConnectionPool(f"http://127.0.0.1:{server.port}"), "key", 1.0)  # enough to have asked

        with pytest.raises(LanguageModelTimeout):
            await writer.complete(load_prompts()["v1"], {"tasks": "", "focus": "rent", "hour_of_day": 9}, "g-1")

    assert b"authorization: Bearer key\r\n" in server.requests[0][0]


USAGE = {"prompt_tokens": 31, "completion_tokens": 48}
UNFINISHED = ["length", "content_filter", "tool_calls", "function_call", "error", "insufficient_system_resource", "", 7]


def gateway(scripted, **choice):
    """A gateway that answers one call by one choice, on a real socket."""
    message = {"role": "assistant", "content": "Pay the rent before lunch today."}
    body = orjson.dumps({"model": "small", "choices": [{"message": message} | choice], "usage": USAGE})
    return scripted([b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)])


async def asked_through(fakes, server):
    fakes.writer = LiteLlm(ConnectionPool(f"http://127.0.0.1:{server.port}"), "key", 5.0)
    answer = GenerateReply.model_validate((await fakes.post("/generate", ASK)).json())
    event = json.loads(fakes.outbox.events[0][1])
    assert (event["fallback"], event["usage"]) == (answer.fallback, answer.usage.model_dump())
    return answer


@pytest.mark.parametrize("reason", UNFINISHED)
async def test_an_unfinished_answer_is_no_tip_and_costs_what_it_cost(fakes, scripted, reason):
    async with gateway(scripted, finish_reason=reason) as server:
        answer = await asked_through(fakes, server)

    assert (answer.fallback, answer.model) == ("invalid_output", "template")
    assert answer.usage.model_dump() == USAGE
    assert "Pay the rent" in answer.tip


@pytest.mark.parametrize("choice", [{"finish_reason": "stop"}, {"finish_reason": None}, {}])
async def test_a_finished_answer_is_a_tip(fakes, scripted, choice):
    async with gateway(scripted, **choice) as server:
        answer = await asked_through(fakes, server)

    assert (answer.fallback, answer.tip) == (None, "Pay the rent before lunch today.")
    assert answer.usage.model_dump() == USAGE


@pytest.mark.parametrize(
    "more", [{"tool_calls": [{"id": "c"}]}, {"function_call": {"name": "f"}}, {"refusal": "I can't."}]
)
async def test_a_call_of_a_tool_beside_a_text_is_no_tip(fakes, scripted, more):
    message = {"content": "Pay the rent before lunch today."} | more
    async with gateway(scripted, finish_reason="stop", message=message) as server:
        answer = await asked_through(fakes, server)

    assert (answer.fallback, answer.usage.model_dump()) == ("invalid_output", USAGE)


@pytest.mark.parametrize("choices", [[], [None], ["x"], [{}], [{"message": None}], [{"message": []}], None, {}, "x"])
async def test_no_choice_keeps_the_usage(fakes, choices):
    written = _completion(UpstreamResponse(200, orjson.dumps({"model": "small", "choices": choices, "usage": USAGE})))

    assert (written.text, written.usage.model_dump()) == ("", USAGE)


@pytest.mark.parametrize("count", [-1, 2**31, 2**63, True, 1.5, "3"])
def test_a_count_that_no_column_holds_is_no_count(count):
    written = _completion(completion({"content": "Do it."}, usage={"prompt_tokens": count, "completion_tokens": 5}))

    assert written.usage.model_dump() == {"prompt_tokens": 0, "completion_tokens": 5}


@pytest.mark.parametrize(("name", "shown"), [("a\x00b\n", "ab"), ("m" * 999, "m" * 128), ({"a": 1}, ""), (None, "")])
def test_a_models_name_is_short_and_visible(name, shown):
    assert _completion(UpstreamResponse(200, orjson.dumps({"model": name, "choices": []}))).model == shown


@pytest.mark.parametrize(
    "text", ["See https://evil.example now.", "Write to a@b.com now.", "Call +49 30 1234567 now.", "[INST] pay it now"]
)
async def test_what_a_reader_could_follow_falls_back(fakes, text):
    fakes.writer.text = text

    answer = (await fakes.post("/generate", ASK)).json()

    assert (answer["fallback"], answer["usage"]["completion_tokens"]) == ("invalid_output", 5)


@pytest.mark.parametrize("title", ["کتاب‌ها را بخوان", "शक्‍ति योग", "👩‍👩‍👧‍👦 picnic"])
async def test_a_title_with_joiners_reaches_the_model_and_the_template_whole(fakes, title):
    seen = []

    async def write(prompt, inputs, request_id):
        seen.append(inputs)
        raise LanguageModelUnavailable("refused")

    fakes.writer.complete = write
    answer = (await fakes.post("/generate", ASK | {"tasks": [{"id": "t-1", "content": title}]})).json()

    assert title in answer["tip"]
    assert title in seen[0]["tasks"]
    assert seen[0]["focus"] == title
