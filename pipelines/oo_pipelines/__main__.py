"""`python -m oo_pipelines simulate | train`: what the CronJobs run."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime

import nats.errors
from oo_consumers.store import StoreError
from oo_model_cards.gate import Refused
from oo_model_cards.registry import RegistryError
from pydantic import ValidationError

from oo_pipelines import simulate, train
from oo_pipelines.dataset import NotEnough
from oo_pipelines.settings import PipelineSettings
from oo_pipelines.world import World


def arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m oo_pipelines",
        description="Batch work: simulate events, train and register the ranker.",
        epilog="Environment: " + ", ".join(f"OO_PIPELINE_{name.upper()}" for name in PipelineSettings.model_fields),
    )
    parser.add_argument("--output", choices=("table", "json"), default="table", help="(default %(default)s)")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("train", help="train on all closed rounds, register, move an alias through the gate")
    past = commands.add_parser("simulate", help="publish a past of a simulated world to JetStream")
    past.add_argument("--days", type=int, default=7, help="(default %(default)s)")
    past.add_argument("--users", type=int, default=250, help="(default %(default)s)")
    past.add_argument("--seed", type=int, default=1, help="(default %(default)s)")
    return parser.parse_args(argv)


def main() -> None:
    """Exit code 0 when it is done, 1 when something it needs failed, 2 when it was asked for the impossible."""
    given = arguments(sys.argv[1:])
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    logging.getLogger("mlflow").setLevel(logging.WARNING)
    try:
        settings = PipelineSettings.read(os.environ)
        found = _simulated(given, settings) if given.command == "simulate" else _trained(settings)
    except ValidationError as error:
        first = error.errors()[0]
        sys.exit(_refusal(2, f"OO_PIPELINE_{str(first['loc'][0]).upper()}: {first['msg']}"))
    except NotEnough as error:
        sys.exit(_refusal(2, str(error)))
    except (StoreError, RegistryError, Refused, simulate.NotConsumed, nats.errors.Error, OSError) as error:
        sys.exit(_refusal(1, f"{type(error).__name__}: {error}"))
    print(json.dumps(found) if given.output == "json" else "\n".join(_lines(found)))  # noqa: T201  # the answer


def _simulated(given: argparse.Namespace, settings: PipelineSettings) -> dict[str, object]:
    simulation = simulate.Simulation(World(given.seed, given.users, simulate.ERA), datetime.now(UTC), given.days)
    return asdict(asyncio.run(simulate.run(settings, simulation, _progress)))


def _trained(settings: PipelineSettings) -> dict[str, object]:
    return asdict(train.run(settings, datetime.now(UTC), _progress))


def _lines(found: Mapping[str, object]) -> Iterator[str]:
    """For people: a line each; a metric with its interval."""
    for name, value in found.items():
        if isinstance(value, dict):
            yield f"{name}, on later rounds than it was fitted on, with 95 % intervals over users:"
            yield from (
                f"  {key:<24}{of['value']:.3f}  [{of['low']:.3f}, {of['high']:.3f}]" for key, of in value.items()
            )
        elif value is not None:
            yield f"{name.replace('_', ' '):<14} {value}"


def _progress(what: str, done: int, of: int) -> None:
    print(f"\r\x1b[K{what} {done}/{of}", end="\n" if done == of else "", file=sys.stderr)  # noqa: T201  # for people


def _refusal(code: int, text: str) -> int:
    print(f"oo_pipelines: {text}", file=sys.stderr)  # noqa: T201  # a refusal is one line
    return code


if __name__ == "__main__":
    main()
