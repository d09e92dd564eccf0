"""MLflow's own description of a model folder, `MLmodel`: which flavours are ours, and what is refused in one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from oo_model_cards.errors import UntrustedContent
from oo_model_cards.files import MLMODEL, SKOPS

__all__ = ["TRUSTED_TYPES", "check_flavours", "mlmodel", "sklearn_version"]

TRUSTED_TYPES: tuple[str, ...] = (
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.tree._tree.Tree",
)  # our own allow-list, beyond what skops itself trusts; what a model declares about itself is ignored


def sklearn_version(folder: Path) -> str:
    """Return the version of scikit-learn that wrote the estimator; empty if the folder does not name it."""
    return str(_described(folder)["flavors"].get("sklearn", {}).get("sklearn_version", ""))


def check_flavours(folder: Path) -> None:
    """Refuse any flavour but ours, and any serialisation but skops.

    Raises:
        UntrustedContent: loading this model could run code of its own.
    """
    described = _described(folder)
    flavours = described["flavors"]
    foreign = sorted(set(flavours) - {"sklearn", "python_function", "onnx"})
    if foreign:
        raise UntrustedContent(f"the flavour {foreign[0]} is not served here")
    serialised = flavours.get("sklearn", {}).get("serialization_format")
    if serialised != "skops":
        raise UntrustedContent(f"the model is serialised as {serialised}; only skops is loaded")
    if flavours["sklearn"].get("pickled_model") != SKOPS or not (folder / SKOPS).is_file():
        raise UntrustedContent(f"the model's data is not in {SKOPS}")
    loader = flavours.get("python_function", {}).get("loader_module", "mlflow.sklearn")
    if loader != "mlflow.sklearn":
        raise UntrustedContent(f"the loader {loader} is not ours")
    _refuse_code(described)


def _refuse_code(described: Mapping[str, Any]) -> None:
    """Refuse code that came with the model.

    MLflow names it `code`, `code_path`, `code_paths` or `model_code_path`, above the flavours or in one.
    """
    for section in (described, *described["flavors"].values()):
        if code_keys := sorted(str(key) for key, value in section.items() if "code" in str(key) and value):
            raise UntrustedContent(f"the model brings code of its own ({code_keys[0]})")


def _described(folder: Path) -> Mapping[str, Any]:
    try:
        described = yaml.safe_load((folder / MLMODEL).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError):
        raise UntrustedContent(f"{folder} has no readable {MLMODEL}") from None
    flavours = described.get("flavors") if isinstance(described, dict) else None
    if not isinstance(flavours, dict) or not all(isinstance(flavour, dict) for flavour in flavours.values()):
        raise UntrustedContent(f"{MLMODEL} names no flavours")
    return {str(key): value for key, value in described.items()}


def mlmodel(sklearn_version: str, feature_set: str, features: tuple[str, ...]) -> dict[str, object]:
    """Return the contents of `MLmodel`, by which MLflow loads the estimator of a folder of ours."""
    return {
        "flavors": {
            "sklearn": {
                "pickled_model": SKOPS,
                "serialization_format": "skops",
                "skops_trusted_types": list(TRUSTED_TYPES),
                "sklearn_version": sklearn_version,
                "code": None,
            },
            "python_function": {
                "loader_module": "mlflow.sklearn",
                "model_path": SKOPS,
                "predict_fn": "predict_proba",
                "env": {},
            },
        },
        "signature": {
            "inputs": _tensor([-1, len(features)]),
            "outputs": _tensor([-1, 2]),
        },
        "metadata": {"feature_set": feature_set, "features": list(features)},
    }


def _tensor(shape: list[int]) -> str:
    return json.dumps([{"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": shape}}])
