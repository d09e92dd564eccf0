"""A published model as the predictor serves it: the same file, one thread, float32, a call's rows in one go.

Replay compares bits, so whatever changes the order of a sum would be a difference: threads, and rows of several calls
put together. A test holds this to the predictor's own responses. What was served once is replayed as it was: the folder
is checked, but its probe sample is not tried again.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from oo_decisions.ranking_replay import ReplayModel
from oo_model_cards import artifact, runtime

__all__ = ["load_replay_model"]


def load_replay_model(folder: Path) -> ReplayModel:
    """Return the model of a folder, whose manifest, files and types are checked first.

    Raises:
        ArtifactError: it is not one that a predictor would serve.
    """
    manifest = artifact.verify_folder(folder)
    served = runtime.load(folder, manifest)

    def values(rows: NDArray[np.float32]) -> tuple[float, ...]:
        return tuple(served.values(rows).tolist()) if len(rows) else ()

    return ReplayModel(manifest.feature_set, values)
