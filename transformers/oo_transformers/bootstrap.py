"""This module is the one place where the transformer's parts meet."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from oo_decisions.experiment_overlay import Definition
from oo_experiments.policies.policy import EpsilonGreedy
from oo_features.contract import contract_digest, profile_promises
from oo_features.feature_sets import RANKER_V1
from oo_prompts import plaintext
from oo_prompts.prompt_registry import Prompt
from oo_serving.body import BodyLimits
from oo_serving.connection_pool import ConnectionPool
from oo_serving.kserve_import import kserve_model
from oo_serving.outbox import Outbox
from oo_serving.server import Ports, log_to_stderr, serve

from oo_transformers.circuit_breaker import CircuitBreaker
from oo_transformers.concurrency_limit import ConcurrencyLimit
from oo_transformers.experiment_poller import ExperimentPoller
from oo_transformers.language_model import LiteLlm
from oo_transformers.predictor_circuit import PredictorCircuit, report_change
from oo_transformers.predictor_client import InferenceClient
from oo_transformers.scorer import Scorer
from oo_transformers.settings import TransformerSettings
from oo_transformers.tip_generator import TipGenerator
from oo_transformers.transformer_api import ServerInfo, TransformerApi

__all__ = ["TransformerConfig", "run"]


@dataclass(frozen=True, slots=True)
class TransformerConfig:
    """The checked values of arguments, environment and files."""

    model: str
    predictor_host: str
    settings: TransformerSettings
    prompts: Mapping[str, Prompt]
    definitions: Mapping[str, Definition]


def run(config: TransformerConfig, port: int) -> None:
    """Put the parts together and serve until a signal."""
    log_to_stderr()
    plaintext.warm_up()
    settings, now = config.settings, partial(datetime.now, UTC)
    outbox = Outbox(settings.nats_url, settings.outbox_capacity)
    split, llm = ConnectionPool(f"http://{config.predictor_host}"), ConnectionPool(settings.llm_url)
    breaker = CircuitBreaker(settings.circuit_max_failures, settings.circuit_open_ms / 1000, report_change)
    client = InferenceClient(split, config.model, settings.budget_ms / 1000, RANKER_V1.columns)
    poller = ExperimentPoller(settings.nats_url, config.definitions, frozenset(config.prompts))
    predictor = PredictorCircuit(client, breaker)
    scorer = Scorer(RANKER_V1, predictor, EpsilonGreedy(settings.epsilon), lambda: poller.active, outbox, now)
    writer = LiteLlm(llm, settings.llm_key, settings.llm_deadline_ms / 1000)
    generator = TipGenerator(
        config.prompts, settings.default_prompt_version, writer, lambda: poller.active, outbox, now
    )
    api = TransformerApi(
        scorer,
        generator,
        ServerInfo(config.model, RANKER_V1.ref, contract_digest(profile_promises())),
        ConcurrencyLimit(settings.max_in_flight, settings.soft_max_in_flight),
    )
    model = kserve_model()(config.model)
    model.ready = True  # a predictor that is down degrades answers; it does not make us unready
    limits = BodyLimits(settings.max_body_bytes)
    serve(
        [model],
        api.routes(),
        Ports(port, settings.host),
        _lifespan(poller, outbox, split, llm),
        limits=limits,
        bulkhead=True,
        admission=api.admission(),
    )


@contextlib.asynccontextmanager
async def _lifespan(poller: ExperimentPoller, outbox: Outbox, *pools: ConnectionPool) -> AsyncIterator[None]:
    """Publish events and poll experiments while calls are served, and publish what is left afterwards."""
    outbox.start()
    poller.start()
    try:
        yield
    finally:
        for pool in pools:
            pool.close()
        await poller.stop()
        await outbox.stop()
