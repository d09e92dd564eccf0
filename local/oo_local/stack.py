"""The stack: a list of processes in the order of the data."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oo_local.layout import Layout
from oo_local.process import Process
from oo_local.programs import Programs

__all__ = ["Stack"]

CHART = Path(__file__).parents[2] / "charts" / "oo-ml"
PASSED = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "TMPDIR",
    "TZ",
    "LD_LIBRARY_PATH",
    "SSL_CERT_FILE",
    "DEFAULT_PROMPT_VERSION",
    "OO_TRANSFORMER_BUDGET_MS",
)
LLM_DEADLINE_MS = 10_000  # a small model on a laptop that does other things too


@dataclass(frozen=True, slots=True)
class Stack:
    """`key` is LiteLLM's; `values` are the chart's."""

    layout: Layout
    programs: Programs
    values: Mapping[str, Any]
    key: str

    def base(self) -> tuple[Process, ...]:
        """What needs no model."""
        return (self.nats(), self.mlflow(), self.llm(), self.litellm(), *self.consumers())

    def edge(self) -> tuple[Process, ...]:
        """What answers calls."""
        return (*map(self.transformer, (1, 2)), *map(self.envoy, (1, 2)))

    def nats(self) -> Process:
        at = self.layout
        where = ("-sd", f"{at.data}/nats", "-a", "127.0.0.1", "-p", str(at.at("nats")))
        return Process("nats", (self.programs.nats, "-js", *where), at.at("nats"), self._environ())

    def mlflow(self) -> Process:
        """Without its job runner, which the stack has no use for and which costs a gigabyte; it imports LiteLLM."""
        at = self.layout
        where = (
            "--backend-store-uri",
            f"sqlite:///{at.data}/mlflow.db",
            "--artifacts-destination",
            f"{at.data}/artifacts",
        )
        listen = ("--host", "127.0.0.1", "--port", str(at.at("mlflow")), "--workers", "1")
        environ = self._environ(
            MLFLOW_SERVER_ENABLE_JOB_EXECUTION="false",
            MLFLOW_DISABLE_TELEMETRY="true",
            LITELLM_LOCAL_MODEL_COST_MAP="True",
        )
        return Process("mlflow", (self.programs.mlflow, "server", *where, *listen), at.at("mlflow"), environ, "/health")

    def llm(self) -> Process:
        port = self.layout.at("llm")
        return Process(
            "llm",
            self._module("oo_local.llm", "--port", str(port)),
            port,
            self._environ(OMP_NUM_THREADS="2"),
            "/health",
        )

    def litellm(self) -> Process:
        """Without looking prices up on the network, which only costs time."""
        port = self.layout.at("litellm")
        environ = self._environ(
            LITELLM_MASTER_KEY=self.key,
            LITELLM_LOCAL_MODEL_COST_MAP="True",
            OO_LLM_MODEL="openai/smollm2",
            OO_LLM_BASE=f"{self.layout.url('llm')}/v1",
            OO_LLM_API_KEY="none",
        )
        command = (
            self.programs.litellm,
            "--config",
            f"{CHART}/files/litellm.yaml",
            "--host",
            "127.0.0.1",
            "--port",
            str(port),
        )
        return Process("litellm", command, port, environ, "/health/liveliness")

    def consumers(self) -> tuple[Process, ...]:
        """Effects, the offline log, and beliefs."""
        at = self.layout
        store = {"OO_CONSUMER_STORE_URL": at.store_url}
        return (
            self._consumer("consumers", "oo_consumers", store),
            self._consumer("lake", "oo_consumers.lake", {"OO_CONSUMER_LAKE_URL": at.lake_url}),
            self._consumer("beliefs", "oo_consumers.beliefs", store),
        )

    def _consumer(self, name: str, module: str, where: Mapping[str, str]) -> Process:
        port = self.layout.at(name)
        environ = self._environ(
            OO_CONSUMER_NATS_URL=self.layout.nats_url,
            OO_CONSUMER_HOST="127.0.0.1",
            OO_CONSUMER_HTTP_PORT=str(port),
            **where,
        )
        return Process(name, self._module(module), port, environ, "/healthz/ready", after=("nats",))

    def predictor(self, name: str, version: str) -> Process:
        """`predictor` serves the champion, `challenger` what may follow it; each a version, no alias that moves."""
        port = self.layout.at(name)
        copies = ("--shadow_port", str(self.layout.at("challenger-shadow"))) if name == "challenger" else ()
        environ = self._environ(
            OO_PREDICTOR_HOST="127.0.0.1",
            OO_PREDICTOR_NATS_URL=self.layout.nats_url,
            OO_PREDICTOR_TRACKING_URI=self.layout.url("mlflow"),
            OO_PREDICTOR_CACHE_DIR=f"{self.layout.data}/models",
        )
        command = self._module(
            "oo_predictors", "--model_uri", f"mlflow://tip-ranker/{version}", "--http_port", str(port), *copies
        )
        return Process(name, command, port, environ, "/healthz/ready")

    def transformer(self, number: int) -> Process:
        name = f"transformer-{number}"
        port = self.layout.at(name)
        environ = self._environ(
            OO_TRANSFORMER_HOST="127.0.0.1",
            OO_TRANSFORMER_NATS_URL=self.layout.nats_url,
            OO_TRANSFORMER_LLM_URL=self.layout.url("litellm"),
            OO_TRANSFORMER_LLM_KEY=self.key,
            OO_TRANSFORMER_LLM_DEADLINE_MS=str(LLM_DEADLINE_MS),
        )
        split = f"127.0.0.1:{self.layout.at('split')}"
        command = self._module("oo_transformers", "--predictor_host", split, "--http_port", str(port))
        return Process(name, command, port, environ, "/healthz/ready")

    def envoy(self, number: int) -> Process:
        name = f"envoy-{number}"
        file = f"{self.layout.run}/envoy/{name}.json"
        command = (self.programs.envoy, "-c", file, "--disable-hot-restart", "--concurrency", "1", "-l", "warning")
        return Process(name, command, self.layout.at(name), self._environ(), "/ready")

    def pipeline(self, *words: str) -> tuple[tuple[str, ...], dict[str, str]]:
        """The command and environment of a batch job against this stack."""
        environ = self._environ(
            OO_PIPELINE_NATS_URL=self.layout.nats_url,
            OO_PIPELINE_STORE_URL=self.layout.store_url,
            OO_PIPELINE_TRACKING_URI=self.layout.url("mlflow"),
        )
        return self._module("oo_pipelines", *words), environ

    def _module(self, name: str, *words: str) -> tuple[str, ...]:
        return (self.programs.python, "-P", "-m", name, *words)

    def _environ(self, **more: str) -> dict[str, str]:
        """A small environment of our own: nothing of the caller's changes what a service does."""
        passed = {name: os.environ[name] for name in PASSED if name in os.environ}
        return {
            **passed,
            "PYTHONSAFEPATH": "1",
            "PYTHONUNBUFFERED": "1",
            "OMP_NUM_THREADS": "1",
            "NO_PROXY": "*",
            **more,
        }
