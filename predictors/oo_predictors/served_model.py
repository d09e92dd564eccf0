"""This module loads a served version: a model folder that was checked, loaded and tried.

Nothing in a folder is loaded before its digest, its flavours, its feature set and the types inside it are checked.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from oo_contracts.wire import columns_digest
from oo_model_cards import artifact, inspection
from oo_model_cards.artifact import Manifest
from oo_model_cards.errors import ArtifactError, InvalidModelOutput
from oo_model_cards.runtime import Rows, Runtime, Values

from oo_predictors.model_source import ModelSource

__all__ = ["FeatureSetConflict", "InvalidModelOutput", "Rows", "ServedModel", "Values", "load_model"]


class FeatureSetConflict(ArtifactError):
    """The model was trained on another feature set than the deployment expects."""


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A version that is ready to serve; its values are probabilities of a reward."""

    version: str
    digest: str
    manifest: Manifest
    runtime: Runtime

    @property
    def feature_set(self) -> str:
        """The feature set that the model was trained on, `name@fingerprint`."""
        return self.manifest.feature_set

    @property
    def columns(self) -> str:
        """The digest of the names of the model's columns, in their order."""
        return _digest(self.manifest.features)

    @property
    def width(self) -> int:
        """The number of values in a row."""
        return len(self.manifest.features)


@cache
def _digest(features: tuple[str, ...]) -> str:
    """Return the digest of columns; each call and each reply is compared by it."""
    return columns_digest(features)


def load_model(source: ModelSource, expected: str | None = None) -> ServedModel:
    """Check a folder, load it, and try it on its sample.

    Raises:
        FeatureSetConflict: `expected` names another feature set.
        ArtifactError: any other reason in `oo_model_cards.errors`.
    """
    manifest = artifact.verify_folder(source.folder, source.digest)
    if expected is not None and manifest.feature_set != expected:
        raise FeatureSetConflict(f"the model was trained on {manifest.feature_set}, not on {expected}")
    return ServedModel(source.version, source.digest, manifest, inspection.inspect(source.folder, manifest))
