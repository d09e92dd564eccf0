"""The HTTP contract as an OpenAPI 3.1 document, built from the models that validate the calls."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from oo_contracts.generate import GenerateReply, GenerateRequest
from oo_contracts.problem import PROBLEM_JSON, Problem
from oo_contracts.score import ScoreReply, ScoreRequest, UserCall

__all__ = ["document"]

REF = "#/components/schemas/{model}"
REFUSALS = {
    HTTPStatus.BAD_REQUEST: "the body is not JSON",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "the body is too large",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "the content type is not application/json",
    HTTPStatus.UNPROCESSABLE_ENTITY: "a field is wrong; `errors` points at it",
    HTTPStatus.SERVICE_UNAVAILABLE: "nobody answers behind the ingress; come again after `retry-after` seconds",
}
Json = dict[str, Any]


def document() -> Json:
    """The whole document."""
    used: list[type[BaseModel]] = [ScoreRequest, ScoreReply, GenerateRequest, GenerateReply, Problem]
    _, schemas = models_json_schema([(model, _mode(model)) for model in used], ref_template=REF)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "oO/ml",
            "version": "1",
            "summary": "Ranks a user's tasks and writes tips about them.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": {
            "/score": {"post": _call("score", "Rank the candidates for one user, now", ScoreRequest, ScoreReply)},
            "/generate": {"post": _call("generate", "Write one tip", GenerateRequest, GenerateReply)},
            "/healthz/live": {"get": _health("alive")},
            "/healthz/ready": {"get": _health("ready")},
        },
        "components": {"schemas": schemas["$defs"]},
    }


def _mode(model: type[BaseModel]) -> Any:
    """Requests as they are read, replies as they are written."""
    return "validation" if issubclass(model, UserCall) else "serialization"


def _call(name: str, summary: str, asked: type[BaseModel], answered: type[BaseModel]) -> Json:
    refusals = {str(status.value): _refusal(said) for status, said in REFUSALS.items()}
    return {
        "operationId": name,
        "summary": summary,
        "requestBody": {"required": True, "content": {"application/json": {"schema": _ref(asked)}}},
        "responses": {"200": _answer(answered), **refusals},
    }


def _answer(model: type[BaseModel]) -> Json:
    timing = {"description": "where the time went, in ms (W3C Server Timing)", "schema": {"type": "string"}}
    content = {"application/json": {"schema": _ref(model)}}
    return {"description": "the answer", "headers": {"server-timing": timing}, "content": content}


def _refusal(said: str) -> Json:
    return {"description": said, "content": {PROBLEM_JSON: {"schema": _ref(Problem)}}}


def _health(name: str) -> Json:
    return {"operationId": name, "summary": f"Whether it is {name}", "responses": {"200": {"description": "it is"}}}


def _ref(model: type[BaseModel]) -> Json:
    return {"$ref": REF.format(model=model.__name__)}
