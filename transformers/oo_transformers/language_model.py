"""This module calls the language model behind LiteLLM: one chat completion, within the deadline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import orjson
from oo_contracts.generate import MAX_TOKENS, Usage
from oo_prompts.prompt_registry import Prompt
from oo_serving.connection_pool import ConnectionPool
from oo_serving.request_head import header_value
from oo_serving.upstream_connection import UpstreamResponse

from oo_transformers.degradation import LanguageModelTimeout, LanguageModelUnavailable

__all__ = ["Completion", "LiteLlm"]

# `length`, `content_filter`, `tool_calls` and any reason that is still to be invented mean no whole answer.
FINISHED_REASONS = {"stop", None}
REFUSAL_FIELDS = ("tool_calls", "function_call", "refusal")  # of a message that has one of them instead of a text
MAX_MODEL_NAME_LENGTH = 128


@dataclass(frozen=True, slots=True)
class Completion:
    """The model's answer, not yet checked; `finish_reason` is None where the server gives none."""

    text: str
    model: str
    usage: Usage
    finish_reason: str | None = None

    @property
    def is_finished(self) -> bool:
        """Whether the model said all that it wanted to: it was not cut off or filtered, and called no tool."""
        return self.finish_reason in FINISHED_REASONS


@dataclass(frozen=True, slots=True)
class LiteLlm:
    """The client of LiteLLM; `deadline` is in seconds, `key` is LiteLLM's and never the provider's."""

    pool: ConnectionPool
    key: str
    deadline: float

    async def complete(self, prompt: Prompt, inputs: Mapping[str, object], request_id: str) -> Completion:
        """Return the model's answer to a prompt.

        Raises:
            LanguageModelTimeout: there was no answer within the deadline.
            LanguageModelUnavailable: there was no connection, an error, or an answer of another form.
        """
        headers = [
            (b"authorization", f"Bearer {self.key}".encode()),
            (b"x-request-id", header_value(request_id)),
        ]
        try:
            body = orjson.dumps(_request(prompt, inputs))
            answer = await self.pool.post("/v1/chat/completions", body, headers, self.deadline)
        except TimeoutError:
            raise LanguageModelTimeout(f"{self.deadline} s") from None
        except OSError as error:
            raise LanguageModelUnavailable(f"{type(error).__name__}: {error}") from None
        return _completion(answer)


def _request(prompt: Prompt, inputs: Mapping[str, object]) -> dict[str, object]:
    """Return the body of the request.

    A prompt that wants JSON tells the server so; the answer shows whether it complied.
    """
    body: dict[str, object] = {
        "model": prompt.model,
        "messages": prompt.render(inputs),
        "temperature": prompt.temperature,
        "max_tokens": prompt.max_tokens,
    }
    if prompt.output == "json":
        json_schema = {"name": "tip", "schema": prompt.output_schema, "strict": True}
        body["response_format"] = {"type": "json_schema", "json_schema": json_schema}
    return body


def _completion(answer: UpstreamResponse) -> Completion:
    if answer.status in {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.GATEWAY_TIMEOUT}:
        raise LanguageModelTimeout(f"status {answer.status}")
    if answer.status != HTTPStatus.OK:
        raise LanguageModelUnavailable(f"status {answer.status}")
    try:
        reply = orjson.loads(answer.body)
        choices = reply["choices"]
    except (ValueError, KeyError, TypeError) as error:
        raise LanguageModelUnavailable(f"an answer without {error}") from None
    choice = _object(choices[0] if isinstance(choices, list) and choices else None)
    text = _object(choice.get("message")).get("content")
    model, usage = _name(reply.get("model")), _usage(reply.get("usage"))
    return Completion(text if isinstance(text, str) else "", model, usage, _finish_reason(choice))


def _finish_reason(choice: dict[str, Any]) -> str | None:
    """Return why the model stopped; some servers say `stop` although they call a tool or refuse."""
    message, reason = _object(choice.get("message")), choice.get("finish_reason")
    instead = next((name for name in REFUSAL_FIELDS if message.get(name)), None)
    return instead or (reason if reason is None else str(reason))


def _object(value: Any) -> dict[str, Any]:
    """Return an object, empty where it is none: the usage must not be lost because the tip is missing."""
    return value if isinstance(value, dict) else {}


def _name(value: Any) -> str:
    return "".join(filter(str.isprintable, value))[:MAX_MODEL_NAME_LENGTH] if isinstance(value, str) else ""


def _usage(value: Any) -> Usage:
    """Return the tokens as the server counted them; a tip is not lost because they were not."""
    counted = _object(value)
    tokens = [counted.get(name) for name in ("prompt_tokens", "completion_tokens")]
    prompt, completion = (count if type(count) is int and 0 <= count <= MAX_TOKENS else 0 for count in tokens)
    return Usage(prompt_tokens=prompt, completion_tokens=completion)
