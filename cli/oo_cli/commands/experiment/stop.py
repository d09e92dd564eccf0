"""The command `oo-ml experiment stop`."""

from __future__ import annotations

from oo_experiments.assignment.experiment import Experiment

from oo_cli.experiment_definitions import definitions_with
from oo_cli.nats_buckets import experiment_revisions, put_experiment
from oo_cli.options import DEFAULT_DATA_DIR, Data, ExperimentKey, NatsUrl
from oo_cli.terminal import console, refuse

__all__ = ["run"]


def run(key: ExperimentKey, data: Data = DEFAULT_DATA_DIR, nats_url: NatsUrl = None) -> None:
    """Stop an experiment: its units get the default policy. Its rounds stay in the log."""
    definitions = definitions_with(experiment_revisions(data, nats_url))
    if key not in definitions:
        refuse(f"there is no experiment {key}; there are {', '.join(definitions) or 'none'}")
    item = definitions[key].item
    if not isinstance(item, Experiment):
        refuse("a holdout is not stopped: `oo-ml experiment put` one of share 0, or drop it")
    stopped = item.model_copy(update={"status": "stopped"})
    put_experiment(data, nats_url, key, stopped.model_dump_json().encode())
    console.print(f"{key} is stopped", markup=False)
