"""The stock KServe chain: nothing but what KServe's examples show, defaults as shipped.

With `--model_file` it is the predictor of a scikit-learn model over V1, with `--predictor_host` the transformer that
passes calls on to it; the other arguments are KServe's own.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import joblib  # type: ignore[import-untyped]
import numpy as np

__all__ = ["main"]

MODEL = "stock"


def main() -> None:
    """Start one of the two."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--model_file", type=Path)
    path = parser.parse_known_args()[0].model_file
    from kserve import Model, ModelServer  # noqa: PLC0415  # KServe parses sys.argv when imported

    class Predictor(Model):  # type: ignore[misc]  # kserve has no types
        """As kserve's sklearnserver does it."""

        def load(self) -> bool:
            self.fitted = joblib.load(path)
            self.ready = True
            return True

        def predict(self, payload: Any, headers: Any = None, response_headers: Any = None) -> Any:
            rows = np.array(payload["instances"])
            return {"predictions": self.fitted.predict_proba(rows)[:, 1].tolist()}

    class Transformer(Model):  # type: ignore[misc]  # kserve has no types
        """Hands ready rows on: it computes no feature, decides nothing and logs nothing."""

        def load(self) -> bool:
            self.ready = True
            return True

        def preprocess(self, payload: Any, headers: Any = None) -> Any:
            return {"instances": payload["instances"]}

    model = Predictor(MODEL) if path else Transformer(MODEL)
    model.load()
    ModelServer().start([model])


if __name__ == "__main__":
    main()
