"""The transformer as a KServe model, so that KServe's own V1 and V2 routes score too.

V1: `{"instances": [<body of /score>, …]}` gives `{"predictions": [<reply of /score>, …]}`. V2: one BYTES input, each
element the JSON of a `/score` body, gives one BYTES output of replies.
"""

from __future__ import annotations

from typing import Any

import orjson
from oo_contracts.ids import uuid7
from oo_contracts.score import ScoreRequest
from oo_serving.server import kserve_model
from pydantic import ValidationError

from oo_transformers.score import Scorer

__all__ = ["transformer_model"]


def transformer_model(name: str, scorer: Scorer) -> Any:
    """Build the one subclass that KServe asks for; its base is only importable once arguments are parsed."""
    base: Any = kserve_model()  # before anything else of KServe's, which would see our arguments and ask for pandas
    from kserve import InferOutput, InferRequest, InferResponse  # noqa: PLC0415  # as above
    from kserve.errors import InvalidInput  # noqa: PLC0415

    async def scored(body: Any) -> bytes:
        try:
            ask = ScoreRequest.model_validate_json(body if isinstance(body, bytes | str) else orjson.dumps(body))
        except (ValidationError, TypeError) as error:
            where = ".".join(map(str, error.errors()[0]["loc"])) if isinstance(error, ValidationError) else "instance"
            raise InvalidInput(f"not a /score body: {where or 'not JSON'}") from None
        found = await scorer(ask, {})
        found.publish()
        return orjson.dumps(found.reply)

    class Transformer(base):  # type: ignore[misc]  # kserve has no types
        """Scores whole requests."""

        def load(self) -> bool:
            self.ready = True
            return True

        async def predict(self, payload: Any, headers: Any = None, response_headers: Any = None) -> Any:
            if isinstance(payload, InferRequest):
                if len(payload.inputs) != 1 or payload.inputs[0].datatype != "BYTES":
                    raise InvalidInput("inputs must be one BYTES tensor of /score bodies")
                replies = [(await scored(body)).decode() for body in payload.inputs[0].data or ()]
                output = InferOutput(name="replies", shape=[len(replies)], datatype="BYTES", data=replies)
                return InferResponse(payload.id or uuid7(), self.name, [output])
            instances = payload.get("instances") if isinstance(payload, dict) else None
            if not isinstance(instances, list):
                raise InvalidInput("instances must be a list of /score bodies")
            return {"predictions": [orjson.loads(await scored(body)) for body in instances]}

    model = Transformer(name)
    model.load()
    return model
