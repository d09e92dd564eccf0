"""A predictor, odd on purpose: `odd_predictor.py KIND VERSION MODEL_DIR PORT SHADOW_PORT NATS_URL`."""

from __future__ import annotations

import dataclasses
import sys
import time
from pathlib import Path

import numpy as np
from oo_predictors.model_source import from_folder
from oo_predictors.predictor_bootstrap import run
from oo_predictors.served_model import load_model
from oo_predictors.settings import PredictorSettings
from oo_serving.server import Ports

__all__ = ["SLOW_S"]

SLOW_S = 0.2  # for each call


@dataclasses.dataclass(frozen=True)
class Odd:
    """What a sound runtime gives, spoilt."""

    sound: object
    kind: str

    def values(self, rows):
        if self.kind == "failing":
            raise MemoryError("no room")
        if self.kind == "slow":
            time.sleep(SLOW_S)
        found = self.sound.values(rows)
        return np.full_like(found, {"nan": np.nan, "infinite": np.inf}[self.kind]) if self.kind in ODD else found


ODD = ("nan", "infinite")

if __name__ == "__main__":
    kind, version, folder, http_port, shadow_port, nats_url = sys.argv[1:]
    sys.argv[1:] = []
    ranker = load_model(from_folder(Path(folder)))
    odd = dataclasses.replace(ranker, version=version, runtime=Odd(ranker.runtime, kind))
    settings = PredictorSettings(host="127.0.0.1", nats_url=nats_url)
    run("tip-ranker", odd, settings, Ports(int(http_port), "127.0.0.1", None, int(shadow_port)))
