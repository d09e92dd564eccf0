"""The one place where the predictor's parts meet."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from functools import partial

from oo_serving.outbox import Outbox
from oo_serving.server import Ports, log_to_stderr, serve

from oo_predictors.model import predictor_model
from oo_predictors.predictor import Predictor
from oo_predictors.ranker import Ranker
from oo_predictors.routes import Edge
from oo_predictors.settings import PredictorSettings

__all__ = ["run"]


def run(name: str, ranker: Ranker, told: PredictorSettings, ports: Ports) -> None:
    """Put the parts together and serve until a signal."""
    log_to_stderr()
    outbox = Outbox(told.nats_url, told.outbox_capacity)
    predictor = Predictor(name, ranker, told.max_rows, outbox, partial(datetime.now, UTC), ports.shadow)
    models = [predictor_model(predictor)]
    serve(models, Edge(predictor).routes(), ports, _open(outbox), max_body=told.max_body_bytes)


@contextlib.asynccontextmanager
async def _open(outbox: Outbox) -> AsyncIterator[None]:
    outbox.start()
    try:
        yield
    finally:
        await outbox.stop()
