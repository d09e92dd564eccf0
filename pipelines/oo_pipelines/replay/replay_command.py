"""The command `replay`: its options, and what it does with them."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from oo_contracts.instant import BadInstant, parse_instant

from oo_pipelines.progress_bar import show_bar
from oo_pipelines.replay import replay_store
from oo_pipelines.settings import PipelineSettings

__all__ = ["add", "run"]


def add(commands: Any) -> None:
    """Add the command `replay` to the subparsers `commands`."""
    parser = commands.add_parser("replay", help="Recompute logged decisions and compare them bit for bit.")
    parser.add_argument(
        "--since",
        type=_instant,
        help="First decision: 7d ago, a day or an instant, UTC unless it says otherwise (default: all).",
    )
    parser.add_argument("--limit", type=_at_least_one, help="Largest number of decisions, oldest first (default: all).")
    parser.add_argument(
        "--allow-other-fingerprints",
        action="store_true",
        help="Succeed although decisions of other feature sets are counted and not replayed.",
    )
    parser.add_argument(
        "--allow-missing-models",
        action="store_true",
        help="Succeed although values of missing models are not compared.",
    )
    parser.add_argument(
        "--allow-unsealed", action="store_true", help="Succeed although decisions have no checksums; they are counted."
    )
    sources = "What to read (default: both where OO_PIPELINE_LAKE_URL is set, else the store)."
    parser.add_argument("--source", choices=("store", "log", "both"), help=sources)


def _instant(text: str) -> datetime:
    try:
        return parse_instant(text, datetime.now(UTC))
    except BadInstant as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _at_least_one(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a number from 1 on")
    return int(text)


def run(args: argparse.Namespace, settings: PipelineSettings) -> dict[str, object]:
    """Replay what is stored; return the report as plain values, `sound` false when something differs.

    Raises:
        LogNotConfigured, BadLake, StoreError, LakeUnavailable: as `replay_stored`.
    """
    options = replay_store.ReplayOptions(args.since, args.limit, args.source, args.allow_unsealed)
    replayed = replay_store.replay_stored(settings, options, show_bar)
    allowed = {name: getattr(args, name) for name in ("allow_other_fingerprints", "allow_missing_models")}
    took = {"seconds": replayed.seconds, "per_second": replayed.per_second, "loading": replayed.loading}
    why = {"sources": replayed.sources, "why_missing": replayed.why_missing}
    return {"sound": replayed.report.sound(**allowed), **asdict(replayed.report), **why, **took}
