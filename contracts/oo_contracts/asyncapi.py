"""This module builds the AsyncAPI 3.0 document of the events from the models that consumers validate them with."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from oo_contracts.columnar_decision import ColumnarDecision
from oo_contracts.decision_parts import COLUMNAR_VERSION
from oo_contracts.events import Feedback, GenerateDecision, Prediction, ScoreDecision, Signal

__all__ = ["document"]

REF = "#/components/schemas/{model}"
CHANNELS: dict[str, tuple[str, type[BaseModel], str]] = {
    "signals": ("signals.{type}", Signal, "From the recommender: what a user did."),
    "feedback": ("feedback.{reaction}", Feedback, "From the recommender: what became of a decision."),
    "scoreDecisions": ("decisions.score", ScoreDecision, "From the transformer: a whole round."),
    "generateDecisions": ("decisions.generate", GenerateDecision, "From the transformer: which prompt wrote a tip."),
    "predictions": ("predictions.{model}", Prediction, "From a predictor: its values, live or as a shadow."),
}
LATER_FORMS: dict[str, type[BaseModel]] = {"scoreDecisions": ColumnarDecision}  # of a channel's event, beside the first
PUBLISHED = {"scoreDecisions", "generateDecisions", "predictions"}  # by us; the recommender publishes the rest
Json = dict[str, Any]


def document() -> Json:
    """Return the whole AsyncAPI document as plain JSON values."""
    models = [*(model for _, model, _ in CHANNELS.values()), *LATER_FORMS.values()]
    _, schemas = models_json_schema([(model, "validation") for model in models], ref_template=REF)
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "oO/ml events", "version": COLUMNAR_VERSION, "license": {"name": "Apache-2.0"}},
        "channels": {name: _channel(name, *about) for name, about in CHANNELS.items()},
        "operations": {name: _operation(name) for name in CHANNELS},
        "components": {"schemas": schemas["$defs"]},
    }


def _channel(name: str, address: str, model: type[BaseModel], summary: str) -> Json:
    channel: Json = {"address": address, "description": summary}
    if "{" in address:
        parameter = address.partition("{")[2].rstrip("}")
        channel["parameters"] = {parameter: {"description": f"the event's {parameter}"}}
    models = [model, LATER_FORMS[name]] if name in LATER_FORMS else [model]
    return {**channel, "messages": {item.__name__: _message(item) for item in models}}


def _message(model: type[BaseModel]) -> Json:
    return {"contentType": "application/json", "payload": {"$ref": REF.format(model=model.__name__)}}


def _operation(name: str) -> Json:
    return {"action": "send" if name in PUBLISHED else "receive", "channel": {"$ref": f"#/channels/{name}"}}
