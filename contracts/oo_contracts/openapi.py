"""This module builds the OpenAPI 3.1 document of the HTTP contract from the models that validate the calls."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from oo_contracts.generate import GenerateReply, GenerateRequest
from oo_contracts.limits import MAX_BODY_BYTES, MAX_BODY_VALUES
from oo_contracts.problem import PROBLEM_JSON, Problem
from oo_contracts.score import ScoreReply, ScoreRequest
from oo_contracts.user_call import UserCall

__all__ = ["document"]

REF = "#/components/schemas/{model}"
ERROR_RESPONSES = {
    HTTPStatus.BAD_REQUEST: "the body is not JSON",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: (
        f"the body is larger than the deployment takes (by default {MAX_BODY_BYTES} bytes, unpacked), "
        f"or has more than {MAX_BODY_VALUES} commas and opening brackets"
    ),
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "the content type is not application/json, or the content encoding not gzip",
    HTTPStatus.UNPROCESSABLE_ENTITY: "a field is wrong; `errors` points at it",
    HTTPStatus.SERVICE_UNAVAILABLE: (
        "nobody answers behind the ingress, or too many calls are in flight; come again after `retry-after` seconds"
    ),
}
Json = dict[str, Any]


def document() -> Json:
    """Return the whole OpenAPI document as plain JSON values."""
    used: list[type[BaseModel]] = [ScoreRequest, ScoreReply, GenerateRequest, GenerateReply, Problem]
    _, schemas = models_json_schema([(model, _mode(model)) for model in used], ref_template=REF)
    paths = {
        "/score": {"post": _operation("score", "Rank the candidates for one user, now", ScoreRequest, ScoreReply)},
        "/generate": {"post": _operation("generate", "Write one tip", GenerateRequest, GenerateReply)},
        "/healthz/live": {"get": _health("alive")},
        "/healthz/ready": {"get": _health("ready")},
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "oO/ml",
            "version": "1",
            "summary": "Ranks a user's tasks and writes tips about them.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {"schemas": _referenced_schemas(paths, schemas["$defs"])},
    }


def _referenced_schemas(paths: Json, schemas: Json) -> Json:
    """Return the schemas that a call or an answer refers to, directly or not: validation alone may need more models."""
    used: Json = {}
    waiting: list[Json] = [paths]
    while waiting:
        text = json.dumps(waiting.pop())
        new = {
            name: schema
            for name, schema in schemas.items()
            if name not in used and f'"{REF.format(model=name)}"' in text
        }
        used |= new
        waiting += new.values()
    return used


def _mode(model: type[BaseModel]) -> Any:
    """Return how a model is described: requests as they are read, replies as they are written."""
    return "validation" if issubclass(model, UserCall) else "serialization"


def _operation(name: str, summary: str, request_model: type[BaseModel], reply_model: type[BaseModel]) -> Json:
    refusals = {str(status.value): _error_response(detail) for status, detail in ERROR_RESPONSES.items()}
    return {
        "operationId": name,
        "summary": summary,
        "requestBody": {"required": True, "content": {"application/json": {"schema": _ref(request_model)}}},
        "responses": {"200": _response(reply_model), **refusals},
    }


def _response(model: type[BaseModel]) -> Json:
    timing = {"description": "where the time went, in ms (W3C Server Timing)", "schema": {"type": "string"}}
    content = {"application/json": {"schema": _ref(model)}}
    return {"description": "the answer", "headers": {"server-timing": timing}, "content": content}


def _error_response(description: str) -> Json:
    return {"description": description, "content": {PROBLEM_JSON: {"schema": _ref(Problem)}}}


def _health(name: str) -> Json:
    return {"operationId": name, "summary": f"Whether it is {name}", "responses": {"200": {"description": "it is"}}}


def _ref(model: type[BaseModel]) -> Json:
    return {"$ref": REF.format(model=model.__name__)}
