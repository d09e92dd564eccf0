"""This module presents the predictor as a KServe model for its gRPC server. Over HTTP the fast path answers."""

from __future__ import annotations

from typing import Any

import numpy as np
from oo_contracts.wire import MAX_NAME_LENGTH, is_name
from oo_serving.kserve_import import kserve_model

from oo_predictors.inference_request import Caller, InferenceError, InferenceRequest, InvalidField, finite
from oo_predictors.predictor import PredictionResult, Predictor
from oo_predictors.predictor_api import model_metadata, response_parameters
from oo_predictors.v2_request import ORIGIN, OUTPUT

__all__ = ["predictor_model"]


def predictor_model(predictor: Predictor) -> Any:
    """Return an instance of the one subclass that KServe asks for.

    Its base can only be imported once arguments are parsed.
    """
    base = kserve_model()  # first: it hides our arguments from KServe
    from kserve import InferOutput, InferResponse  # noqa: PLC0415  # as above
    from kserve.errors import InvalidInput  # noqa: PLC0415

    async def predict(request: InferenceRequest, headers: Any) -> PredictionResult:
        request_id = (headers or {}).get("x-request-id", "")
        result = await predictor.predict(request, Caller(request_id=request_id if is_name(request_id) else None))
        result.publish()
        return result

    class KServePredictor(base):  # type: ignore[misc, valid-type]  # kserve has no types
        """One version of one model."""

        def load(self) -> bool:
            self.ready = True
            return True

        def get_input_types(self) -> Any:
            return model_metadata(predictor)["inputs"]

        def get_output_types(self) -> Any:
            return model_metadata(predictor)["outputs"]

        async def predict(self, payload: Any, headers: Any = None, response_headers: Any = None) -> Any:
            try:
                return respond(await predict(_inference_request(payload, predictor), headers))
            except InferenceError as refused:
                where = refused.pointer if isinstance(refused, InvalidField) else ""
                raise InvalidInput(f"{where} {refused}".strip()) from None

    def respond(result: PredictionResult) -> Any:
        output = InferOutput(name=OUTPUT, shape=[len(result.values)], datatype="FP32", data=result.values.tolist())
        version = predictor.model.version
        parameters = response_parameters(predictor, result)
        return InferResponse(result.request_id, predictor.name, [output], model_version=version, parameters=parameters)

    model = KServePredictor(predictor.name)
    model.load()
    return model


def _inference_request(payload: Any, predictor: Predictor) -> InferenceRequest:
    """Return the checked call of KServe's own request, which may hold anything.

    Raises:
        InvalidField: a part of it is wrong.
    """
    if len(payload.inputs) != 1 or payload.inputs[0].datatype not in {"FP32", "FP64"}:
        raise InvalidField("/inputs", "exactly one FP32 or FP64 input is required")
    try:
        array = np.asarray(payload.inputs[0].as_numpy(), dtype=np.float64)
    except Exception:  # noqa: BLE001  # KServe's decoding raises what numpy, struct or protobuf happen to raise
        raise InvalidField("/inputs/0", "the data does not fit its shape and datatype") from None
    shape = predictor.shape
    declared_shape = tuple(payload.inputs[0].shape)  # numpy takes -1 for as many as there are
    if (
        array.shape != declared_shape
        or len(declared_shape) != 2
        or declared_shape[1] != shape.width
        or not 1 <= declared_shape[0] <= shape.max_rows
    ):
        raise InvalidField("/inputs/0/shape", f"must be [1 to {shape.max_rows}, {shape.width}]")
    with np.errstate(over="ignore"):
        rows = finite(np.ascontiguousarray(array, dtype=np.float32), "/inputs/0")
    if payload.id and not is_name(payload.id):
        raise InvalidField("/id", f"must be a text of 1 to {MAX_NAME_LENGTH} visible characters")
    return InferenceRequest(rows, payload.id or None, **_origin(payload.parameters or {}))


def _origin(parameters: Any) -> dict[str, Any]:
    """Return what computed the rows: REST gives plain values, gRPC wraps them."""
    origin = ((name, parameters.get(name)) for name in ORIGIN)
    return {name: getattr(value, "string_param", value) for name, value in origin}
