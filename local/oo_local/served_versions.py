"""The versions to serve: MLflow's aliases, remembered so that a start needs no MLflow."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

__all__ = ["ServedVersions", "load_remembered", "model_metadata", "read_aliases", "remember"]

MODEL_NAME = "tip-ranker"


@dataclass(frozen=True, slots=True)
class ServedVersions:
    """The version numbers of both services; None where the alias points nowhere."""

    champion: str | None = None
    challenger: str | None = None

    def version(self, service: str) -> str | None:
        """Return the version of a service: `predictor` serves the champion."""
        return self.champion if service == "predictor" else self.challenger


def read_aliases(mlflow_url: str) -> ServedVersions | None:
    """Return what MLflow's aliases name now; None when it does not answer.

    This is plain HTTP, because MLflow's client takes seconds to import.
    """
    url = f"{mlflow_url}/api/2.0/mlflow/registered-models/get?name={MODEL_NAME}"
    try:
        with urllib.request.urlopen(url, timeout=3) as reply:  # noqa: S310  # loopback
            listed = json.load(reply)["registered_model"].get("aliases", [])
    except urllib.error.HTTPError as error:
        return ServedVersions() if error.code == 404 else None
    except (OSError, http.client.HTTPException, ValueError, KeyError):
        return None
    aliases = {item["alias"]: str(item["version"]) for item in listed}
    return ServedVersions(aliases.get("champion"), aliases.get("challenger"))


def load_remembered(file: Path) -> ServedVersions:
    """Return the versions that were served last; none when nothing was remembered."""
    try:
        return ServedVersions(**json.loads(file.read_text()))
    except (OSError, ValueError, TypeError):
        return ServedVersions()


def remember(file: Path, models: ServedVersions) -> None:
    """Write the versions to a file, for the next start."""
    file.write_text(json.dumps(asdict(models)))


def model_metadata(predictor_url: str) -> dict[str, Any] | None:
    """Return what a predictor serves: `version`, `digest`, `feature_set`; None when it does not answer."""
    try:
        with urllib.request.urlopen(f"{predictor_url}/v2/models/{MODEL_NAME}", timeout=10) as reply:  # noqa: S310  # loopback
            properties: dict[str, Any] = json.load(reply)["properties"]
            return properties
    except (OSError, http.client.HTTPException, ValueError, KeyError):
        return None
