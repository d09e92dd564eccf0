"""The words of `python -m oo_pipelines drift`, and what they mean."""

from __future__ import annotations

import argparse
import re
from datetime import UTC, datetime, timedelta
from typing import Any

__all__ = ["BadInput", "add", "between", "since"]

UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
ABOUT = """Compare the features of recent decisions with those of the same hours and weekdays of the four weeks before.

For each feature: its distribution (Kolmogorov-Smirnov or chi-squared, by one round of each user, for the rounds of one
user are alike), its population stability index, and how often it fell back. All p-values are corrected together; an
alarm also needs an effect that matters. Exit code 0: no drift, or too few users to say. 1: drift. 2: misuse."""


class BadInput(ValueError):
    """An option that cannot be done; the message names it."""


def add(commands: Any) -> None:
    """The command and its options."""
    parser = commands.add_parser(
        "drift", help="whether features look as before", description=ABOUT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--since", default="24h", help="90m, 24h or 7d ago, or an instant (default %(default)s)")
    parser.add_argument("--until", help="an instant (default: now)")
    parser.add_argument("--reference", metavar="A..B", help="two instants, instead of the four weeks before")
    parser.add_argument(
        "--alpha", type=_share, default=0.01, help="the largest q-value of an alarm (default %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=1, help="of the rounds that are drawn (default %(default)s)")
    parser.add_argument("--html", metavar="FILE", help="write the report with a plot of each feature")


def _share(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = 0.0
    if not 0 < found < 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")
    return found


def since(text: str, until: datetime) -> datetime:
    """An instant, or how long before `until`.

    Raises:
        BadInput: neither.
    """
    if found := re.fullmatch(r"(\d{1,6})([mhdw])", text):
        return until - timedelta(**{UNITS[found[2]]: int(found[1])})
    return instant("--since", text)


def between(text: str) -> tuple[datetime, datetime]:
    """Two instants.

    Raises:
        BadInput: it is not two.
    """
    first, dots, second = text.partition("..")
    if not dots:
        raise BadInput(f"--reference: {text} is not like 2026-11-01..2026-11-08")
    return instant("--reference", first), instant("--reference", second)


def instant(option: str, text: str) -> datetime:
    """A day or an instant, UTC unless it says otherwise."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise BadInput(f"{option}: {text} is not like 24h, 2026-11-23 or 2026-11-23T09:00:00+01:00") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
