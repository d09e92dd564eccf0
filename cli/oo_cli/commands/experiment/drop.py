"""The command `oo-ml experiment drop`."""

from __future__ import annotations

from oo_contracts.subjects import EXPERIMENTS_BUCKET

from oo_cli.nats_buckets import delete_experiment, values_of
from oo_cli.options import DEFAULT_DATA_DIR, Data, ExperimentKey, NatsUrl
from oo_cli.terminal import console, refuse

__all__ = ["run"]


def run(key: ExperimentKey, data: Data = DEFAULT_DATA_DIR, nats_url: NatsUrl = None) -> None:
    """Delete a definition from NATS; if a file has one of this key, that is in force again."""
    if key not in values_of(data, nats_url, EXPERIMENTS_BUCKET):
        refuse(f"NATS has no definition of {key}")
    delete_experiment(data, nats_url, key)
    console.print(f"{key} is dropped", markup=False)
