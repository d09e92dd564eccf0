"""The command line of Jobs and CronJobs: `python -m oo_pipelines simulate | train | replay | drift | backfill |
bootstrap`. Each command has a module of its own in its folder."""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module

from oo_consumers.lake.delta import BadLake
from oo_contracts.refusal import refuse_start
from oo_contracts.reward_table import BadRewards
from oo_model_cards.gate import PromotionRefused

from oo_pipelines.backfill import backfill_options
from oo_pipelines.drift import drift_options, drift_text
from oo_pipelines.replay import replay_command, replay_text
from oo_pipelines.replay.replay_store import LogNotConfigured
from oo_pipelines.settings import PipelineSettings
from oo_pipelines.simulation import simulate_command
from oo_pipelines.training import bootstrap_command, train_command
from oo_pipelines.training.dataset import NotEnough

PROGRAM = "oo_pipelines"
COMMANDS = {
    "train": "training.train_command",
    "simulate": "simulation.simulate_command",
    "bootstrap": "training.bootstrap_command",
    "replay": "replay.replay_command",
    "drift": "drift.drift_command",  # needs SciPy, so it is loaded when it is called
    "backfill": "backfill.backfill_command",  # needs ibis, likewise
}  # the module whose `run` does it
OPTIONS = (train_command, simulate_command, bootstrap_command, replay_command, drift_options, backfill_options)
LINES = {"replay": replay_text.replay_lines, "drift": drift_text.drift_lines}
MISUSE_ERRORS = (
    NotEnough,
    BadRewards,
    BadLake,
    LogNotConfigured,
    backfill_options.BadBackfillInput,
    drift_options.BadDriftInput,
)


def arguments(argv: Sequence[str]) -> argparse.Namespace:
    """Parse the command line into a namespace whose `command` is a key of `COMMANDS`.

    Raises:
        SystemExit: the arguments are not valid, or help was asked for.
    """
    parser = argparse.ArgumentParser(
        prog="python -m oo_pipelines",
        description="Batch work: simulate events, train and register the ranker, replay decisions, backfill features.",
        epilog="Environment: " + ", ".join(PipelineSettings.variables()),
    )
    parser.add_argument(
        "--output", choices=("table", "json"), default="table", help="Form of the result (default %(default)s)."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for module in OPTIONS:
        module.add(commands)
    return parser.parse_args(argv)


def main() -> None:
    """Run the command; the exit code is 0 when it is done, 1 when something failed or differs, 2 for an impossible
    request."""
    args = arguments(sys.argv[1:])
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    logging.getLogger("mlflow").setLevel(logging.WARNING)
    settings = PipelineSettings.read_or_exit(PROGRAM, os.environ)
    try:
        result = import_module(f"oo_pipelines.{COMMANDS[args.command]}").run(args, settings)
    except MISUSE_ERRORS as error:
        refuse_start(PROGRAM, str(error))
    except (*bootstrap_command.UNAVAILABLE_ERRORS, PromotionRefused) as error:
        refuse_start(PROGRAM, f"{type(error).__name__}: {error}", 1)
    lines = LINES.get(args.command, _lines)
    print(json.dumps(result) if args.output == "json" else "\n".join(lines(result)))  # noqa: T201  # the answer
    sys.exit(0 if result.get("sound", True) else 1)


def _lines(result: Mapping[str, object]) -> Iterator[str]:
    """Yield the result for people, one line for each value; a metric with its interval."""
    for name, value in result.items():
        if isinstance(value, dict):
            yield f"{name}, on later rounds than it was fitted on, with 95 % intervals over users:"
            yield from (
                f"  {key:<24}{estimate['value']:.3f}  [{estimate['low']:.3f}, {estimate['high']:.3f}]"
                for key, estimate in value.items()
            )
        elif value is not None:
            yield f"{name.replace('_', ' '):<14} {value}"


if __name__ == "__main__":
    main()
