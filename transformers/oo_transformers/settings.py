"""This module defines the transformer's settings: `OO_TRANSFORMER_…` variables, and DEFAULT_PROMPT_VERSION."""

from __future__ import annotations

import re
from typing import ClassVar
from urllib.parse import urlsplit

from oo_contracts.limits import MAX_BODY_BYTES
from oo_contracts.settings import Settings
from oo_experiments.assignment.experiment import EXPERIMENTS_DIR
from pydantic import DirectoryPath, Field, field_validator

__all__ = ["TransformerSettings"]


class TransformerSettings(Settings):
    """The settings of a deployment's transformer."""

    prefix: ClassVar[str] = "OO_TRANSFORMER_"

    host: str = Field("0.0.0.0", description="address to listen on")  # noqa: S104  # a pod; embedded gives loopback
    nats_url: str = Field("nats://127.0.0.1:4222", description="where decisions go")
    llm_url: str = Field("http://127.0.0.1:4000", description="LiteLLM")
    llm_key: str = Field("", description="LiteLLM's key, visible ASCII", repr=False)
    llm_deadline_ms: int = Field(4_000, ge=50, description="for the language model, then the template writes")
    budget_ms: int = Field(40, ge=5, description="for the predictor within one /score, then the baseline answers")
    circuit_max_failures: int = Field(
        5, ge=1, description="calls in a row that the predictor leaves unanswered, after which its circuit opens"
    )
    circuit_open_ms: int = Field(
        1_000, ge=0, description="how long the baseline then answers at once, until one call tries the predictor again"
    )
    max_in_flight: int = Field(
        32,
        ge=1,
        description="calls of /score in one process, fewer while they wait for their turn; more are a 503",
    )
    soft_max_in_flight: int = Field(
        0, ge=0, description="calls beyond so many are answered by the baseline, without the predictor; 0: none are"
    )
    epsilon: float = Field(0.1, ge=0, le=1, description="exploration for whoever is in no experiment")
    experiments: DirectoryPath = Field(EXPERIMENTS_DIR, description="folder of experiment files")
    max_body_bytes: int = Field(MAX_BODY_BYTES, ge=1_024, description="larger bodies are a 413")
    outbox_capacity: int = Field(
        10_000, ge=1, description="events kept while NATS is away; then who has most there is refused"
    )
    default_prompt_version: str | None = Field(None, description="from DEFAULT_PROMPT_VERSION")

    @field_validator("llm_key")
    @classmethod
    def _fit_for_a_header(cls, text: str) -> str:
        if not re.fullmatch(r"[\x21-\x7e]*", text):  # the text itself is a secret
            raise ValueError("holds what a header cannot carry, like a line break at its end")
        return text

    @field_validator("llm_url")
    @classmethod
    def _a_base_url(cls, text: str) -> str:
        url = urlsplit(text)
        if url.scheme not in {"http", "https"} or not url.hostname or url.query or url.port == 0:
            raise ValueError("not a URL like http://litellm:4000")
        return text
