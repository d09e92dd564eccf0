"""Prompt versions are files that never change once released, and one rule selects among them.

PromptError                  the registry cannot be used, or not as asked
├── BadPrompt                a file that is no prompt; names the file and what is wrong
└── UnknownPrompt            a version nobody has written; lists the known ones
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

__all__ = ["DEFAULT", "VERSIONS", "BadPrompt", "Message", "Prompt", "PromptError", "UnknownPrompt", "load", "select"]

VERSIONS = Path(__file__).parent / "versions"
DEFAULT = "v1"
PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
MARKUP = re.compile(r"<\|?/?[a-z_]+\|?>|```", re.IGNORECASE)


class PromptError(Exception):
    """Drawn above."""


class BadPrompt(PromptError):
    """A file that is no prompt."""


class UnknownPrompt(PromptError):
    """A version nobody has written."""

    def __init__(self, version: str, known: tuple[str, ...]) -> None:
        super().__init__(f"there is no prompt version {version!r}; known are {', '.join(known)}")
        self.version, self.known = version, known


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Message(_Data):
    role: Literal["system", "user", "assistant"]
    content: str


class Prompt(_Data):
    """Everything that makes an answer: wording, model, temperature, length, and the form the answer must have."""

    version: str
    summary: str
    inputs: tuple[str, ...]
    messages: Annotated[tuple[Message, ...], Field(min_length=1)]
    model: str
    temperature: Annotated[float, Field(ge=0, le=2)]
    max_tokens: Annotated[int, Field(ge=1, le=4_096)]
    output: Literal["text", "json"]
    output_schema: dict[str, Any] = Field(alias="schema")

    @model_validator(mode="after")
    def _inputs_are_the_placeholders(self) -> Self:
        found = {name for message in self.messages for name in PLACEHOLDER.findall(message.content)}
        if found != set(self.inputs):
            raise ValueError(f"inputs are {sorted(self.inputs)}, the placeholders are {sorted(found)}")
        return self

    @property
    def digest(self) -> str:
        """SHA-256 over all that can change an answer; comments and the order of keys cannot."""
        whole = self.model_dump(mode="json", exclude={"version", "summary"})
        return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()

    def render(self, values: Mapping[str, object]) -> list[dict[str, str]]:
        """The messages with each placeholder replaced once, in one pass: braces inside a value stay text.

        Raises:
            KeyError: an input without a value.
        """
        return [{"role": message.role, "content": self._filled(message.content, values)} for message in self.messages]

    @staticmethod
    def _filled(text: str, values: Mapping[str, object]) -> str:
        return PLACEHOLDER.sub(lambda match: str(values[match[1]]), text).strip()

    def tip(self, answer: str) -> str | None:
        """The tip in a model's answer, or None when the answer has not the declared form."""
        text = answer.strip()
        if self.output == "text":
            return _sentence(text, self.output_schema)
        start = text.find("{")
        try:
            found, _ = json.JSONDecoder().raw_decode(text[start:]) if start >= 0 else (None, 0)
        except ValueError:
            return None
        if not isinstance(found, dict) or set(found) != {"tip"} or not isinstance(found["tip"], str):
            return None
        return _sentence(found["tip"].strip(), self.output_schema["properties"]["tip"])


def _sentence(text: str, schema: Mapping[str, Any]) -> str | None:
    """Text of the allowed length on one line, without markup."""
    flat = " ".join(text.strip('"“” \n').split())
    fits = schema["minLength"] <= len(flat) <= schema["maxLength"]
    return flat if fits and flat.isprintable() and not MARKUP.search(flat) else None


def load(folder: Path = VERSIONS) -> dict[str, Prompt]:
    """Every version of a folder; a file's name is its version.

    Raises:
        BadPrompt: a file that cannot be used.
    """
    return {path.stem: _read(path) for path in sorted(folder.glob("*.toml"))}


def _read(path: Path) -> Prompt:
    try:
        return Prompt.model_validate(tomllib.loads(path.read_text()) | {"version": path.stem})
    except tomllib.TOMLDecodeError as error:
        raise BadPrompt(f"{path.name} is not TOML: {error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        raise BadPrompt(f"{path.name}: {'.'.join(map(str, first['loc'])) or 'file'}: {first['msg']}") from None


def select(requested: str | None, default: str | None, prompts: Mapping[str, Prompt]) -> Prompt:
    """The call's version, else the deployment's default, else v1.

    Raises:
        UnknownPrompt: the first of them that is given is not known.
    """
    version = requested or default or DEFAULT
    if version not in prompts:
        raise UnknownPrompt(version, tuple(prompts))
    return prompts[version]
