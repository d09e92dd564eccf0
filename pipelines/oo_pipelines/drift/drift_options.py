"""The options of `python -m oo_pipelines drift`, and how they are read."""

from __future__ import annotations

import argparse
from datetime import datetime
from typing import Any

from oo_contracts.instant import BadInstant, parse_instant

__all__ = ["BadDriftInput", "add", "between", "since"]

ABOUT = """Compare the features of recent decisions with those of the same hours and weekdays of the four weeks before.

For each feature: its distribution (Kolmogorov-Smirnov or chi-squared, by one round of each user, for the rounds of one
user are alike), its population stability index, and how often it fell back. All p-values are corrected together; an
alarm also needs an effect that matters. Exit code 0: no drift, or too few users to say. 1: drift. 2: misuse."""


class BadDriftInput(ValueError):
    """An option that is impossible; the message names it."""


def add(commands: Any) -> None:
    """Add the command `drift` to the subparsers `commands`."""
    parser = commands.add_parser(
        "drift", help="Compare the features of recent decisions with those of before.", description=ABOUT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument(
        "--since",
        default="24h",
        help="Beginning of the window: 90m, 24h or 7d ago, or an instant (default %(default)s).",
    )
    parser.add_argument("--until", help="End of the window, an instant (default: now).")
    parser.add_argument(
        "--reference", metavar="A..B", help="Two instants to compare with, instead of the four weeks before."
    )
    parser.add_argument("--alpha", type=_share, default=0.01, help="Largest q-value of an alarm (default %(default)s).")
    parser.add_argument("--seed", type=int, default=1, help="Seed of the rounds that are drawn (default %(default)s).")
    parser.add_argument("--html", metavar="FILE", help="File for a page with a plot of each feature.")


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = 0.0
    if not 0 < share < 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")
    return share


def since(text: str, until: datetime) -> datetime:
    """Return the instant in `text`, or the one so long before `until`.

    Raises:
        BadDriftInput: it is neither an instant nor a duration.
    """
    return instant("--since", text, until)


def between(text: str, now: datetime) -> tuple[datetime, datetime]:
    """Return the two instants of `A..B`.

    Raises:
        BadDriftInput: it is not two instants.
    """
    first, dots, second = text.partition("..")
    if not dots:
        raise BadDriftInput(f"--reference: {text} is not like 2026-11-01..2026-11-08")
    return instant("--reference", first, now), instant("--reference", second, now)


def instant(option: str, text: str, now: datetime) -> datetime:
    """Return the instant of an option, in UTC.

    Raises:
        BadDriftInput: it names none.
    """
    try:
        return parse_instant(text, now)
    except BadInstant as error:
        raise BadDriftInput(f"{option}: {error}") from None
