"""`python -m oo_pipelines simulate | train | replay | drift | backfill | bootstrap`: what Jobs and CronJobs run."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime

import nats.errors
from oo_consumers.store import StoreError
from oo_contracts.rewards import BadRewards, RewardTable
from oo_model_cards.gate import CHAMPION, Refused
from oo_model_cards.registry import Registry, RegistryError
from pydantic import ValidationError

from oo_pipelines import replayed, said, simulate, train
from oo_pipelines.backfill import options as backfill
from oo_pipelines.dataset import NotEnough
from oo_pipelines.drift import options as drift
from oo_pipelines.settings import PipelineSettings
from oo_pipelines.world import World

AWAY = (StoreError, RegistryError, simulate.NotConsumed, nats.errors.Error, OSError)  # what may be there later
AGAIN = 3  # seconds between attempts
WIDTH = 24  # of a progress bar


def arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m oo_pipelines",
        description="Batch work: simulate events, train and register the ranker, replay decisions, backfill features.",
        epilog="Environment: " + ", ".join(f"OO_PIPELINE_{name.upper()}" for name in PipelineSettings.model_fields),
    )
    parser.add_argument("--output", choices=("table", "json"), default="table", help="(default %(default)s)")
    commands = parser.add_subparsers(dest="command", required=True)
    fit = commands.add_parser("train", help="train on all closed rounds, register, move an alias through the gate")
    fit.add_argument("--backfill", action="append", default=[], metavar="FILE", help="of a feature newer than a round")
    past = commands.add_parser("simulate", help="publish a past of a simulated world to JetStream")
    first = commands.add_parser("bootstrap", help="unless there is a champion: simulate a past and train the first")
    first.set_defaults(backfill=[])
    first.add_argument("--wait", type=float, default=0, help="seconds to try again what is not up yet (default 0)")
    for command in (fit, first):
        command.add_argument("--rewards", default="v1", help="reward table, or a file of one (default %(default)s)")
    again = commands.add_parser("replay", help="recompute logged decisions and compare them bit for bit")
    again.add_argument("--since", type=_instant, help="day or instant, UTC unless it says otherwise (default: all)")
    again.add_argument("--limit", type=_at_least_one, help="at most so many, oldest first (default: all)")
    again.add_argument("--allow-other-fingerprints", action="store_true", help="they are still counted")
    again.add_argument("--allow-missing-models", action="store_true", help="values that cannot be compared may be")
    drift.add(commands)
    backfill.add(commands)
    for command in (past, first):
        command.add_argument("--days", type=int, default=7, help="(default %(default)s)")
        command.add_argument("--users", type=int, default=250, help="(default %(default)s)")
        command.add_argument("--seed", type=int, default=1, help="(default %(default)s)")
    return parser.parse_args(argv)


def _instant(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is not like 2026-11-23 or 2026-11-23T09:00:00+01:00") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _at_least_one(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a number from 1 on")
    return int(text)


def main() -> None:
    """Exit code 0 when it is done, 1 when something failed or differs, 2 when it was asked for the impossible."""
    given = arguments(sys.argv[1:])
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    logging.getLogger("mlflow").setLevel(logging.WARNING)
    try:
        settings = PipelineSettings.read(os.environ)
        found = COMMANDS[given.command](given, settings)
    except ValidationError as error:
        first = error.errors()[0]
        sys.exit(_refusal(2, f"OO_PIPELINE_{str(first['loc'][0]).upper()}: {first['msg']}"))
    except (NotEnough, BadRewards, backfill.BadInput, drift.BadInput) as error:
        sys.exit(_refusal(2, str(error)))
    except (*AWAY, Refused) as error:
        sys.exit(_refusal(1, f"{type(error).__name__}: {error}"))
    lines = {"replay": said.replayed, "drift": said.drifted}.get(given.command, _lines)
    print(json.dumps(found) if given.output == "json" else "\n".join(lines(found)))  # noqa: T201  # the answer
    sys.exit(0 if found.get("sound", True) else 1)


def _simulated(given: argparse.Namespace, settings: PipelineSettings) -> dict[str, object]:
    simulation = simulate.Simulation(World(given.seed, given.users, simulate.ERA), datetime.now(UTC), given.days)
    return asdict(asyncio.run(simulate.run(settings, simulation, _progress)))


def _trained(given: argparse.Namespace, settings: PipelineSettings) -> dict[str, object]:
    rewards = RewardTable.read(given.rewards)
    return asdict(train.run(settings, datetime.now(UTC), _progress, given.backfill, rewards=rewards))


def _replayed(given: argparse.Namespace, settings: PipelineSettings) -> dict[str, object]:
    found = replayed.run(settings, given.since, given.limit, _bar)
    allowed = {name: getattr(given, name) for name in ("allow_other_fingerprints", "allow_missing_models")}
    took = {"seconds": found.seconds, "per_second": found.per_second, "loading": found.loading}
    why = {"why_missing": found.why_missing}
    return {"sound": found.report.sound(**allowed), **asdict(found.report), **why, **took}


def _drifted(given: argparse.Namespace, settings: PipelineSettings) -> dict[str, object]:
    from oo_pipelines.drift import command  # noqa: PLC0415  # nothing else here needs SciPy

    return command.drift(given, settings.store_url, _progress)


def _backfilled(given: argparse.Namespace, _: PipelineSettings) -> dict[str, object]:
    from oo_pipelines.backfill import command  # noqa: PLC0415  # nothing else here needs ibis

    return command.run(given, _progress)


def _bootstrapped(given: argparse.Namespace, settings: PipelineSettings) -> dict[str, object]:
    """The first champion. What it needs may be starting at the same time, and each step may be done twice."""
    end = time.monotonic() + given.wait
    while True:
        try:
            if champion := Registry(settings.tracking_uri).aliases(settings.model_name).get(CHAMPION):
                return {"champion": champion, "trained": "nothing: there is a champion"}
            _simulated(given, settings)
            return _trained(given, settings)
        except AWAY as error:
            if time.monotonic() >= end:
                raise
            print(f"oo_pipelines: waiting: {error!r}", file=sys.stderr, flush=True)  # noqa: T201  # progress
            time.sleep(AGAIN)


COMMANDS = {
    "simulate": _simulated,
    "train": _trained,
    "replay": _replayed,
    "drift": _drifted,
    "backfill": _backfilled,
    "bootstrap": _bootstrapped,
}


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


def _bar(what: str, done: int, of: int) -> None:
    full = WIDTH * done // of
    _progress(f"replaying {'━' * full}{'╌' * (WIDTH - full)} {what}", done, of)


def _refusal(code: int, text: str) -> int:
    print(f"oo_pipelines: {text}", file=sys.stderr)  # noqa: T201  # a refusal is one line
    return code


if __name__ == "__main__":
    main()
