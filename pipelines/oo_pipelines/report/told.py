"""A report in words, tables and figures, before it is put on a terminal or a page; and how it writes numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime

from oo_experiments.ope.interval import Interval

from oo_pipelines.report.figures import Drawn
from oo_pipelines.report.measured import Counts, Spread

__all__ = [
    "NONE",
    "Cell",
    "Sheet",
    "Told",
    "between",
    "instant",
    "intervals",
    "latency",
    "number",
    "share",
    "signed",
    "states",
    "to_come",
]

Cell = str | int | None
NONE = "-"


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table; a cell of None is empty. `bad` are places of rows to stand out."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()
    bad: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Told:
    """`answer` is what there is to know, `remarks` what it rests on."""

    title: str
    answer: str
    remarks: tuple[str, ...] = ()
    figures: tuple[Drawn, ...] = ()
    sheets: tuple[Sheet, ...] = ()


def number(value: float | None, digits: int = 3) -> str:
    """
    >>> number(0.12345), number(None), number(-0.0001)
    ('0.123', '-', '0.000')
    """
    if value is None or not math.isfinite(value):
        return NONE
    return f"{round(value, digits) + 0.0:.{digits}f}"


def signed(value: float, digits: int = 3) -> str:
    return f"{round(value, digits) + 0.0:+.{digits}f}" if math.isfinite(value) else NONE


def share(value: float | None) -> str:
    return NONE if value is None else f"{value:.1%}"


def between(lower: float, upper: float) -> str:
    """
    >>> between(0.1, 0.25), between(-math.inf, math.inf)
    ('0.100 to 0.250', '-')
    """
    return f"{number(lower)} to {number(upper)}" if math.isfinite(upper - lower) else NONE


def states(of: Counts) -> tuple[Cell, ...]:
    """Users, rounds of each state, and what share was seen."""
    return of.users, of.closed, of.shown, of.unseen, share(of.activation)


def intervals(of: Interval | None) -> tuple[str, str, str]:
    """A value, its interval at one look, and at every look."""
    if of is None:
        return NONE, NONE, NONE
    return number(of.value), between(of.lower, of.upper), between(of.sequence_lower, of.sequence_upper)


def latency(of: Spread | None, digits: int = 1) -> tuple[str, str]:
    """Median and 95th percentile."""
    return (NONE, NONE) if of is None else (number(of.p50, digits), number(of.p95, digits))


def instant(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}"


def to_come(shown: int, unseen: int, last_closes_at: datetime | None) -> str:
    """What of the open rounds may still be counted."""
    if not shown + unseen:
        return "No round is open: nothing is still to come."
    waiting = f"{shown:,} shown rounds still wait for their reactions" + (
        f", the last until {instant(last_closes_at)} UTC" if last_closes_at else ""
    )
    seen = f"{unseen:,} were never seen, and count only if they will be."
    return f"Rewards are of closed rounds alone: {waiting}; {seen}"
