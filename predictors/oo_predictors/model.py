"""The predictor as a KServe model: gRPC, and those of KServe's routes that are no short cut."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
from oo_serving.server import kserve_model

from oo_predictors.call import ORIGIN, Ask, Invalid, Refused, finite, read_v1
from oo_predictors.predictor import Answered, Predictor
from oo_predictors.routes import described, said

__all__ = ["predictor_model"]


def predictor_model(predictor: Predictor) -> Any:
    """Build the one subclass that KServe asks for; its base is only importable once arguments are parsed."""
    base = kserve_model()  # first: it hides our arguments from KServe
    from kserve import InferOutput, InferRequest, InferResponse  # noqa: PLC0415  # as above
    from kserve.errors import InvalidInput  # noqa: PLC0415

    def answered(ask: Ask, headers: Any) -> Answered:
        found = predictor.answer(ask, (headers or {}).get("x-request-id"))
        found.publish()
        return found

    class Served(base):  # type: ignore[misc, valid-type]  # kserve has no types
        """One version of one model."""

        def load(self) -> bool:
            self.ready = True
            return True

        def get_input_types(self) -> Any:
            return described(predictor)["inputs"]

        def get_output_types(self) -> Any:
            return described(predictor)["outputs"]

        async def predict(self, payload: Any, headers: Any = None, response_headers: Any = None) -> Any:
            try:
                if isinstance(payload, InferRequest):
                    return respond(answered(_ask(payload, predictor), headers))
                ask = read_v1(orjson.dumps(payload), predictor.shape)
                return {"predictions": answered(ask, headers).values}
            except Refused as refused:
                where = refused.pointer if isinstance(refused, Invalid) else ""
                raise InvalidInput(f"{where} {refused}".strip()) from None

    def respond(found: Answered) -> Any:
        output = InferOutput(name="values", shape=[len(found.values)], datatype="FP32", data=found.values)
        version = predictor.ranker.version
        parameters = said(predictor, found)
        return InferResponse(found.request_id, predictor.name, [output], model_version=version, parameters=parameters)

    model = Served(predictor.name)
    model.load()
    return model


def _ask(payload: Any, predictor: Predictor) -> Ask:
    """KServe's own request, which may hold anything."""
    if len(payload.inputs) != 1 or payload.inputs[0].datatype not in {"FP32", "FP64"}:
        raise Invalid("/inputs", "exactly one FP32 or FP64 input is required")
    try:
        given = np.asarray(payload.inputs[0].as_numpy(), dtype=np.float64)
    except Exception:  # noqa: BLE001  # KServe's decoding raises what numpy, struct or protobuf happen to raise
        raise Invalid("/inputs/0", "the data does not fit its shape and datatype") from None
    shape = predictor.shape
    if given.ndim != 2 or given.shape[1] != shape.width or not 1 <= len(given) <= shape.most:
        raise Invalid("/inputs/0/shape", f"must be [1 to {shape.most}, {shape.width}]")
    with np.errstate(over="ignore"):
        rows = finite(np.ascontiguousarray(given, dtype=np.float32), "/inputs/0")
    return Ask(rows, payload.id or None, **_origin(payload.parameters or {}))


def _origin(parameters: Any) -> dict[str, Any]:
    """REST gives plain values, gRPC wraps them."""
    found = ((name, parameters.get(name)) for name in ORIGIN)
    return {name: getattr(value, "string_param", value) for name, value in found}
