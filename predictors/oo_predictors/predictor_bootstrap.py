"""This module is the one place where the predictor's parts meet."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from functools import partial

from oo_contracts.limits import MAX_BODY_VALUES
from oo_serving.body import BodyLimits
from oo_serving.outbox import Outbox
from oo_serving.server import Ports, log_to_stderr, serve

from oo_predictors.kserve_adapter import predictor_model
from oo_predictors.predictor import Predictor
from oo_predictors.predictor_api import PredictorApi
from oo_predictors.served_model import ServedModel
from oo_predictors.settings import PredictorSettings

__all__ = ["run"]


def run(name: str, model: ServedModel, settings: PredictorSettings, ports: Ports) -> None:
    """Put the parts together and serve until a signal."""
    log_to_stderr()
    outbox = Outbox(settings.nats_url, settings.outbox_capacity)
    predictor = Predictor(name, model, settings.max_rows, outbox, partial(datetime.now, UTC), ports.shadow)
    models = [predictor_model(predictor)]
    max_numbers = settings.max_rows * (model.width + 1)  # and the envelope has few values
    limits = BodyLimits(settings.max_body_bytes, max(MAX_BODY_VALUES, max_numbers + 1_024))
    api = PredictorApi(predictor)
    serve(
        models,
        api.routes(),
        ports,
        _lifespan(outbox),
        limits=limits,
        unanswered=api.unanswered,
        tensor_routes=api.tensor_routes,
    )


@contextlib.asynccontextmanager
async def _lifespan(outbox: Outbox) -> AsyncIterator[None]:
    outbox.start()
    try:
        yield
    finally:
        await outbox.stop()
