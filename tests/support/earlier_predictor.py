"""The predictor of a release that knew JSON alone, with the arguments of `python -m oo_predictors`."""

from __future__ import annotations

from oo_predictors import v2_request
from oo_predictors.__main__ import main
from oo_predictors.predictor_api import PredictorApi

if __name__ == "__main__":
    PredictorApi.tensor_routes = frozenset()  # as then, raw tensors are refused before a handler sees them
    v2_request._binary_output = lambda _: False  # and what a call says about its output is not read
    main()
