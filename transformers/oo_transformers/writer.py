"""The language model behind LiteLLM: one chat completion, within the deadline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import orjson
from oo_contracts.generate import Usage
from oo_prompts.registry import Prompt

from oo_transformers.errors import WriterTimeout, WriterUnavailable
from oo_transformers.pool import Answer, Pool

__all__ = ["LiteLlm", "Written"]


@dataclass(frozen=True, slots=True)
class Written:
    """What the model said, not yet checked."""

    text: str
    model: str
    usage: Usage


@dataclass(frozen=True, slots=True)
class LiteLlm:
    """`deadline` in seconds; `key` is LiteLLM's, never the provider's."""

    pool: Pool
    key: str
    deadline: float

    async def write(self, prompt: Prompt, inputs: Mapping[str, object], request_id: str) -> Written:
        """One answer to a prompt.

        Raises:
            WriterTimeout: no answer within the deadline.
            WriterUnavailable: no connection, an error, or an answer of another form.
        """
        headers = [
            (b"authorization", f"Bearer {self.key}".encode()),
            (b"x-request-id", request_id.encode("ascii", "ignore")),
        ]
        try:
            body = orjson.dumps(_request(prompt, inputs))
            answer = await self.pool.post("/v1/chat/completions", body, headers, self.deadline)
        except TimeoutError:
            raise WriterTimeout(f"{self.deadline} s") from None
        except OSError as error:
            raise WriterUnavailable(f"{type(error).__name__}: {error}") from None
        return _written(answer)


def _request(prompt: Prompt, inputs: Mapping[str, object]) -> dict[str, object]:
    """A prompt that wants JSON says so to the server; whether the server heeds it is checked in the answer."""
    asked: dict[str, object] = {
        "model": prompt.model,
        "messages": prompt.render(inputs),
        "temperature": prompt.temperature,
        "max_tokens": prompt.max_tokens,
    }
    if prompt.output == "json":
        form = {"name": "tip", "schema": prompt.output_schema, "strict": True}
        asked["response_format"] = {"type": "json_schema", "json_schema": form}
    return asked


def _written(answer: Answer) -> Written:
    if answer.status in {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.GATEWAY_TIMEOUT}:
        raise WriterTimeout(f"status {answer.status}")
    if answer.status != HTTPStatus.OK:
        raise WriterUnavailable(f"status {answer.status}")
    try:
        reply = orjson.loads(answer.body)
        text, model = reply["choices"][0]["message"]["content"], reply.get("model")
        return Written(text if isinstance(text, str) else "", str(model or ""), _usage(reply.get("usage")))
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise WriterUnavailable(f"an answer without {error}") from None


def _usage(said: Any) -> Usage:
    """Tokens as counted; a tip is not lost because they were not."""
    counted = said if isinstance(said, dict) else {}
    tokens = [counted.get(name) for name in ("prompt_tokens", "completion_tokens")]
    prompt, completion = (count if isinstance(count, int) else 0 for count in tokens)
    return Usage(prompt_tokens=prompt, completion_tokens=completion)
