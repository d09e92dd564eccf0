"""Publishing, as a training does it, in a process that a signal meets right after one call of MLflow's client."""

from __future__ import annotations

import multiprocessing
import os

from example_models import NOW, card, parts
from mlflow import MlflowClient
from oo_model_cards.registry import Registry

__all__ = ["STAGES", "met_after", "published_until"]

STAGES = (
    "create_run",
    "log_batch",
    "create_logged_model",
    "log_model_artifacts",
    "finalize_logged_model",
    "create_model_version",
    "set_model_version_tag",
    "log_text",
)  # in order; all before the run is FINISHED


PRELOAD = ["mlflow.artifacts", "oo_model_cards.registry", "skl2onnx", "skops.io"]  # takes seconds, once for all


def met_after(stage, number):
    """Let a signal meet this process when the client's call of that name has been answered."""
    call = getattr(MlflowClient, stage)

    def called(*args, **named):
        answer = call(*args, **named)
        setattr(MlflowClient, stage, call)
        os.kill(os.getpid(), number)
        return answer

    setattr(MlflowClient, stage, called)


def _publish(uri, name, stage, number):
    met_after(stage, number)
    Registry(uri).publish(parts(), name, card(name=name), at=NOW, metrics={"auc": 0.7}, params={"seed": 1})


def published_until(uri, name, stage, number):
    """The process, started."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOAD)
    process = context.Process(target=_publish, args=(uri, name, stage, number))
    process.start()
    return process
