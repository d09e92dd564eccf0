"""The one place where the transformer's parts meet."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from oo_experiments.enrolment import Running
from oo_experiments.policy import EpsilonGreedy
from oo_features.contract import contract_digest, mirror
from oo_features.sets import RANKER_V1
from oo_prompts.registry import Prompt
from oo_serving.outbox import Outbox
from oo_serving.server import Ports, log_to_stderr, serve

from oo_transformers.generate import Generator
from oo_transformers.live import Live
from oo_transformers.model import transformer_model
from oo_transformers.pool import Pool
from oo_transformers.predictor import InferenceClient
from oo_transformers.routes import About, Edge
from oo_transformers.score import Scorer
from oo_transformers.settings import TransformerSettings
from oo_transformers.writer import LiteLlm

__all__ = ["Parts", "run"]


@dataclass(frozen=True, slots=True)
class Parts:
    """What arguments, environment and files said; all of it checked."""

    model: str
    predictor_host: str
    told: TransformerSettings
    prompts: Mapping[str, Prompt]
    running: Running


def run(parts: Parts, port: int) -> None:
    """Put the parts together and serve until a signal."""
    log_to_stderr()
    told, now = parts.told, partial(datetime.now, UTC)
    outbox = Outbox(told.nats_url, told.outbox_capacity)
    split, llm = Pool(f"http://{parts.predictor_host}"), Pool(told.llm_url)
    predictor = InferenceClient(split, parts.model, told.budget_ms / 1000, RANKER_V1.columns)
    live = Live(told.nats_url, parts.running, frozenset(parts.prompts))
    scorer = Scorer(RANKER_V1, predictor, EpsilonGreedy(told.epsilon), lambda: live.running, outbox, now)
    writer = LiteLlm(llm, told.llm_key, told.llm_deadline_ms / 1000)
    generator = Generator(parts.prompts, told.default_prompt_version, writer, lambda: live.running, outbox, now)
    edge = Edge(scorer, generator, About(parts.model, RANKER_V1.ref, contract_digest(mirror())))
    models = [transformer_model(parts.model, scorer)]
    serve(models, edge.routes(), Ports(port, told.host), _open(live, outbox, split, llm), max_body=told.max_body_bytes)


@contextlib.asynccontextmanager
async def _open(live: Live, outbox: Outbox, *pools: Pool) -> AsyncIterator[None]:
    """Publish while calls are served, and what is left when they are not any more."""
    outbox.start()
    live.start()
    try:
        yield
    finally:
        for pool in pools:
            pool.close()
        await live.stop()
        await outbox.stop()
