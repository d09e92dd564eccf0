"""Which versions to serve: MLflow's aliases, remembered so that a start needs no MLflow."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from dataclasses import asdict, dataclass
from pathlib import Path

__all__ = ["Models", "asked", "remember", "remembered"]

NAME = "tip-ranker"


@dataclass(frozen=True, slots=True)
class Models:
    """Version numbers; None where the alias points nowhere."""

    champion: str | None = None
    challenger: str | None = None


def asked(mlflow_url: str) -> Models | None:
    """What MLflow says now; None when it does not answer. By plain HTTP: its client takes seconds to import."""
    url = f"{mlflow_url}/api/2.0/mlflow/registered-models/get?name={NAME}"
    try:
        with urllib.request.urlopen(url, timeout=3) as reply:  # noqa: S310  # loopback
            found = json.load(reply)["registered_model"].get("aliases", [])
    except urllib.error.HTTPError as error:
        return Models() if error.code == 404 else None
    except (OSError, ValueError, KeyError):
        return None
    aliases = {item["alias"]: str(item["version"]) for item in found}
    return Models(aliases.get("champion"), aliases.get("challenger"))


def remembered(file: Path) -> Models:
    """What was served last."""
    try:
        return Models(**json.loads(file.read_text()))
    except (OSError, ValueError, TypeError):
        return Models()


def remember(file: Path, models: Models) -> None:
    file.write_text(json.dumps(asdict(models)))
