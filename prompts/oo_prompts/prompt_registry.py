"""This module loads prompt versions, which never change once released, and finds one by its name.

PromptError                  the registry cannot be used, or not as asked
├── BadPrompt                a file that is no prompt; names the file and what is wrong
└── UnknownPrompt            a version nobody has written; lists the known ones
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from oo_prompts.plaintext import NotATip, plain_tip

__all__ = [
    "VERSIONS_DIR",
    "BadPrompt",
    "Prompt",
    "PromptError",
    "PromptMessage",
    "UnknownPrompt",
    "find_prompt",
    "load_prompts",
]

VERSIONS_DIR = Path(__file__).parent / "versions"
MAX_ANSWER_LENGTH = 16_384  # characters that a tip is looked for in
log = logging.getLogger(__name__)
PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")


class PromptError(Exception):
    """The base of this module's errors: the registry cannot be used, or not as asked."""


class BadPrompt(PromptError):
    """A file is not a prompt; the message names the file and what is wrong with it."""


class UnknownPrompt(PromptError):
    """There is no prompt of this version; the message lists the known versions."""

    def __init__(self, version: str, known: tuple[str, ...]) -> None:
        super().__init__(f"there is no prompt version {version!r}; known are {', '.join(known)}")
        self.version, self.known = version, known


class _PromptModel(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PromptMessage(_PromptModel):
    """One message of a prompt, whose content may hold placeholders like `{tasks}`."""

    role: Literal["system", "user", "assistant"]
    content: str


class Prompt(_PromptModel):
    """Everything that determines an answer: wording, model, temperature, length, and the form of the answer."""

    version: str
    summary: str
    inputs: tuple[str, ...]
    messages: Annotated[tuple[PromptMessage, ...], Field(min_length=1)]
    model: str
    temperature: Annotated[float, Field(ge=0, le=2)]
    max_tokens: Annotated[int, Field(ge=1, le=4_096)]
    output: Literal["text", "json"]
    output_schema: dict[str, Any] = Field(alias="schema")

    @model_validator(mode="after")
    def _inputs_are_the_placeholders(self) -> Self:
        placeholders = {name for message in self.messages for name in PLACEHOLDER.findall(message.content)}
        if placeholders != set(self.inputs):
            raise ValueError(f"inputs are {sorted(self.inputs)}, the placeholders are {sorted(placeholders)}")
        return self

    @property
    def digest(self) -> str:
        """The SHA-256 over all that can change an answer; comments, the summary and the order of keys cannot."""
        whole = self.model_dump(mode="json", exclude={"version", "summary"})
        return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()

    def render(self, values: Mapping[str, object]) -> list[dict[str, str]]:
        """Return the messages with each placeholder replaced once, so that braces inside a value stay text.

        Raises:
            KeyError: an input has no value.
        """
        return [{"role": message.role, "content": self._filled(message.content, values)} for message in self.messages]

    @staticmethod
    def _filled(text: str, values: Mapping[str, object]) -> str:
        return PLACEHOLDER.sub(lambda match: str(values[match[1]]), text).strip()

    def parse_tip(self, answer: str) -> str | None:
        """Return the tip in a model's answer, or None when there is none in the declared form.

        The reason is logged.
        """
        try:
            return self._read(answer)
        except NotATip as refused:
            log.warning("prompt %s: an answer that is no tip: %s", self.version, refused)
            return None

    def _read(self, answer: str) -> str:
        if len(answer) > MAX_ANSWER_LENGTH:
            raise NotATip(f"more than {MAX_ANSWER_LENGTH} characters")
        text, schema = answer, self.output_schema
        if self.output == "json":
            text, schema = _field(answer), schema["properties"]["tip"]
        return plain_tip(text, schema["minLength"], schema["maxLength"])


def _field(answer: str) -> str:
    """Return the one field of a JSON answer, whatever polite text a model puts around the object."""
    start = answer.find("{")
    try:
        decoded, _ = json.JSONDecoder().raw_decode(answer[start:]) if start >= 0 else (None, 0)
    except (ValueError, RecursionError):
        raise NotATip("no JSON") from None
    if not isinstance(decoded, dict) or set(decoded) != {"tip"} or not isinstance(decoded["tip"], str):
        raise NotATip("no JSON of the declared form")
    return decoded["tip"]


def load_prompts(folder: Path = VERSIONS_DIR) -> dict[str, Prompt]:
    """Return every version of a folder by its name, which is the file's name.

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


def find_prompt(version: str, prompts: Mapping[str, Prompt]) -> Prompt:
    """Return the prompt of a version.

    Raises:
        UnknownPrompt: there is no such version.
    """
    if version not in prompts:
        raise UnknownPrompt(version, tuple(prompts))
    return prompts[version]
