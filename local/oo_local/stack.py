"""The stack: a list of processes in the order of the data's flow."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oo_local.layout import Layout, shadow_of
from oo_local.process import Process
from oo_local.process_environment import process_environment
from oo_local.programs import Programs

__all__ = ["Stack"]

CHART = Path(__file__).parents[2] / "charts" / "oo-ml"
LLM_DEADLINE_MS = 10_000  # a small model on a laptop that does other things too


@dataclass(frozen=True, slots=True)
class Stack:
    """The processes of one stack; `key` is LiteLLM's, `values` are the chart's."""

    layout: Layout
    programs: Programs
    values: Mapping[str, Any]
    key: str

    def base(self) -> tuple[Process, ...]:
        """Return the processes that need no model."""
        return (self.nats(), self.mlflow(), self.llm(), self.litellm(), *self.consumers())

    def edge(self) -> tuple[Process, ...]:
        """Return the processes that answer calls."""
        return (*map(self.transformer, (1, 2)), *map(self.envoy, (1, 2)))

    def nats(self) -> Process:
        """Return the NATS server."""
        layout = self.layout
        settings = ("-c", f"{CHART}/files/nats.conf")
        arguments = (*settings, "-sd", f"{layout.data}/nats", "-a", "127.0.0.1", "-p", str(layout.at("nats")))
        return Process("nats", (self.programs.nats, "-js", *arguments), layout.at("nats"), process_environment())

    def mlflow(self) -> Process:
        """Return the MLflow server, without its job runner, which is of no use here, costs a gigabyte and imports
        LiteLLM."""
        layout = self.layout
        storage = (
            "--backend-store-uri",
            f"sqlite:///{layout.data}/mlflow.db",
            "--artifacts-destination",
            f"{layout.data}/artifacts",
        )
        listen = ("--host", "127.0.0.1", "--port", str(layout.at("mlflow")), "--workers", "1")
        environ = process_environment(
            MLFLOW_SERVER_ENABLE_JOB_EXECUTION="false",
            MLFLOW_DISABLE_TELEMETRY="true",
            LITELLM_LOCAL_MODEL_COST_MAP="True",
        )
        return Process(
            "mlflow", (self.programs.mlflow, "server", *storage, *listen), layout.at("mlflow"), environ, "/health"
        )

    def llm(self) -> Process:
        """Return the server of the small language model."""
        port = self.layout.at("llm")
        return Process(
            "llm",
            self._module("oo_local.llm", "--port", str(port)),
            port,
            process_environment(OMP_NUM_THREADS="2"),
            "/health",
        )

    def litellm(self) -> Process:
        """Return LiteLLM behind its list of routes, without looking prices up on the network, which only costs time."""
        port, files = self.layout.at("litellm"), f"{CHART}/files"
        environ = process_environment(
            LITELLM_MASTER_KEY=self.key,
            LITELLM_LOCAL_MODEL_COST_MAP="True",
            OO_LLM_MODEL="openai/smollm2",
            OO_LLM_BASE=f"{self.layout.url('llm')}/v1",
            OO_LLM_API_KEY="none",
        )
        gate = (self.programs.litellm, "-P", f"{files}/litellm_gate.py")
        command = (*gate, f"{files}/litellm.yaml", "127.0.0.1", str(port))
        return Process("litellm", command, port, environ, "/health/liveliness")

    def consumers(self) -> tuple[Process, ...]:
        """Return the consumers: effects, the offline log, and beliefs."""
        layout = self.layout
        store = {"OO_CONSUMER_STORE_URL": layout.store_url}
        return (
            self._consumer("consumers", "oo_consumers", store),
            self._consumer("lake", "oo_consumers.lake", {"OO_CONSUMER_LAKE_URL": layout.lake_url}),
            self._consumer("beliefs", "oo_consumers.beliefs", store),
        )

    def _consumer(self, name: str, module: str, where: Mapping[str, str]) -> Process:
        port = self.layout.at(name)
        environ = process_environment(
            "OO_CONSUMER_",
            OO_CONSUMER_NATS_URL=self.layout.nats_url,
            OO_CONSUMER_HOST="127.0.0.1",
            OO_CONSUMER_HTTP_PORT=str(port),
            **where,
        )
        return Process(name, self._module(module), port, environ, "/healthz/ready", after=("nats",))

    def predictor(self, name: str, slot: str, version: str) -> Process:
        """Return a predictor of one version, not of an alias that moves.

        `predictor` serves the champion, `challenger` what may follow it.
        """
        port = self.layout.at(slot)
        copies = ("--shadow_port", str(self.layout.at(shadow_of(slot)))) if name == "challenger" else ()
        environ = process_environment(
            "OO_PREDICTOR_",
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
        """Return one of the two transformers."""
        name = f"transformer-{number}"
        port = self.layout.at(name)
        environ = process_environment(
            "OO_TRANSFORMER_",
            OO_TRANSFORMER_HOST="127.0.0.1",
            OO_TRANSFORMER_NATS_URL=self.layout.nats_url,
            OO_TRANSFORMER_LLM_URL=self.layout.url("litellm"),
            OO_TRANSFORMER_LLM_KEY=self.key,
            OO_TRANSFORMER_LLM_DEADLINE_MS=os.environ.get("OO_TRANSFORMER_LLM_DEADLINE_MS", str(LLM_DEADLINE_MS)),
        )
        split = f"127.0.0.1:{self.layout.at('split')}"
        command = self._module("oo_transformers", "--predictor_host", split, "--http_port", str(port))
        return Process(name, command, port, environ, "/healthz/ready")

    def envoy(self, number: int) -> Process:
        """Return one of the two Envoys."""
        name = f"envoy-{number}"
        file = f"{self.layout.run}/envoy/{name}.json"
        command = (self.programs.envoy, "-c", file, "--disable-hot-restart", "--concurrency", "1", "-l", "warning")
        return Process(name, command, self.layout.at(name), process_environment(), "/ready")

    def pipeline(self, *words: str) -> tuple[tuple[str, ...], dict[str, str]]:
        """Return the command and environment of a batch job against this stack."""
        environ = process_environment(
            "OO_PIPELINE_",
            OO_PIPELINE_NATS_URL=self.layout.nats_url,
            OO_PIPELINE_STORE_URL=self.layout.store_url,
            OO_PIPELINE_LAKE_URL=self.layout.lake_url,
            OO_PIPELINE_TRACKING_URI=self.layout.url("mlflow"),
        )
        return self._module("oo_pipelines", *words), environ

    def _module(self, name: str, *words: str) -> tuple[str, ...]:
        return (self.programs.python, "-P", "-m", name, *words)

    def settings(self) -> dict[str, Mapping[str, str]]:
        """Return the environment of every part that reads variables of ours, by its name."""
        parts = {
            "transformers": self.transformer(1),
            "predictors": self.predictor("predictor", "predictor", "1"),
            **{process.name: process for process in self.consumers()},
        }
        return {name: part.environ for name, part in parts.items()} | {"pipelines": self.pipeline("train")[1]}
