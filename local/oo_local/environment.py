"""The variables that a person has set for the stack's services: which act, which do not, and which are mistakes."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping

from oo_consumers.settings import ConsumerSettings
from oo_contracts.settings import Settings, unknown_variable
from oo_pipelines.settings import PipelineSettings
from oo_predictors.settings import PredictorSettings
from oo_transformers.settings import TransformerSettings

__all__ = ["KNOWN", "acting", "errors", "ignored"]

SERVICES: tuple[type[Settings], ...] = (TransformerSettings, PredictorSettings, ConsumerSettings, PipelineSettings)
LOCAL = ("OO_LOCAL_DATA", "OO_LOCAL_NATS_SERVER", "OO_LOCAL_ENVOY", "OO_LOCAL_LITELLM", "OO_LOCAL_MLFLOW")
PREFIXES = ("OO_LOCAL_", *(service.prefix for service in SERVICES))
KNOWN = (*(name for service in SERVICES for name in service.variables()), *LOCAL)
MIN_SIMILARITY = 0.85  # for a name with none of our prefixes to be a misspelling, like OO_TRANSFORMERS_EPSILON


def errors(environ: Mapping[str, str]) -> list[str]:
    """Return each variable of ours that no service knows, or whose value it would refuse."""
    return [*_misspelt(environ), *(wrong for service in SERVICES for wrong in _wrong_values(service, environ))]


def _misspelt(environ: Mapping[str, str]) -> Iterator[str]:
    known = {name.lower() for name in KNOWN}
    for name in sorted(environ):
        if not name.startswith("OO_") or name.lower() in known:
            continue
        prefix = next((prefix for prefix in PREFIXES if name.startswith(prefix)), "")
        if prefix:
            yield unknown_variable(name, [item for item in KNOWN if item.startswith(prefix)], prefix)
        elif meant := difflib.get_close_matches(name, KNOWN, 1, MIN_SIMILARITY):
            yield unknown_variable(name, meant)


def _wrong_values(service: type[Settings], environ: Mapping[str, str]) -> list[str]:
    """Return the errors of the variables that the service has; those that it does not have are misspelt."""
    names = {f"{service.prefix}{name}".lower() for name in service.model_fields}
    return service.errors({name: value for name, value in environ.items() if name.lower() in names})


def acting(environ: Mapping[str, str], settings: Mapping[str, Mapping[str, str]]) -> dict[str, list[str]]:
    """Return the variables that some part of the stack gets as they are, with the parts' names."""
    own = {name: value for name, value in environ.items() if _is_ours(name)}
    parts = {
        name: [part for part, environ_of_part in settings.items() if environ_of_part.get(name) == value]
        for name, value in own.items()
    }
    return {name: part_names for name, part_names in parts.items() if part_names}


def ignored(environ: Mapping[str, str], settings: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Return the variables that act nowhere, since the stack sets these things itself."""
    acting_names = acting(environ, settings)
    return sorted(name for name in environ if _is_ours(name) and name not in acting_names)


def _is_ours(name: str) -> bool:
    return name.startswith(PREFIXES[1:])
