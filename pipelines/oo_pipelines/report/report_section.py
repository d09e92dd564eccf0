"""A report in words, tables and figures, before it is put on a terminal or a page; and how it writes numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime

from oo_experiments.statistics.interval import Interval

from oo_pipelines.report.figures import Figure
from oo_pipelines.report.summary import Counts, Spread

__all__ = [
    "NO_VALUE",
    "Cell",
    "ReportSection",
    "Sheet",
    "format_instant",
    "format_interval",
    "format_number",
    "format_share",
    "format_signed",
    "intervals",
    "latency",
    "open_rounds_note",
    "states",
]

Cell = str | int | None
NO_VALUE = "-"


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table; a cell of None is empty, and `bad` are indices of rows to stand out."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()
    bad: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class ReportSection:
    """A section of a report: `answer` is what there is to know, `remarks` what it rests on."""

    title: str
    answer: str
    remarks: tuple[str, ...] = ()
    figures: tuple[Figure, ...] = ()
    sheets: tuple[Sheet, ...] = ()


def format_number(value: float | None, digits: int = 3) -> str:
    """Return a number with `digits` decimals; `NO_VALUE` for None and what is not finite.

    >>> format_number(0.12345), format_number(None), format_number(-0.0001)
    ('0.123', '-', '0.000')
    """
    if value is None or not math.isfinite(value):
        return NO_VALUE
    return f"{round(value, digits) + 0.0:.{digits}f}"


def format_signed(value: float, digits: int = 3) -> str:
    """Return a number with its sign; `NO_VALUE` for what is not finite."""
    return f"{round(value, digits) + 0.0:+.{digits}f}" if math.isfinite(value) else NO_VALUE


def format_share(value: float | None) -> str:
    """Return a share in percent with one decimal; `NO_VALUE` for None."""
    return NO_VALUE if value is None else f"{value:.1%}"


def format_interval(lower: float, upper: float) -> str:
    """Return both ends of an interval; `NO_VALUE` where one of them is not finite.

    >>> format_interval(0.1, 0.25), format_interval(-math.inf, math.inf)
    ('0.100 to 0.250', '-')
    """
    return f"{format_number(lower)} to {format_number(upper)}" if math.isfinite(upper - lower) else NO_VALUE


def states(counts: Counts) -> tuple[Cell, ...]:
    """Return the cells for users, rounds of each state, and the share that was seen."""
    return counts.users, counts.closed, counts.shown, counts.unseen, format_share(counts.activation)


def intervals(interval: Interval | None) -> tuple[str, str, str]:
    """Return the cells for a value, its interval at one look, and the one at every look."""
    if interval is None:
        return NO_VALUE, NO_VALUE, NO_VALUE
    return (
        format_number(interval.value),
        format_interval(interval.lower, interval.upper),
        format_interval(interval.sequence_lower, interval.sequence_upper),
    )


def latency(spread: Spread | None, digits: int = 1) -> tuple[str, str]:
    """Return the cells for median and 95th percentile."""
    return (
        (NO_VALUE, NO_VALUE)
        if spread is None
        else (format_number(spread.p50, digits), format_number(spread.p95, digits))
    )


def format_instant(instant: datetime) -> str:
    """Return an instant to the minute in UTC, whatever zone it is given in.

    With zones mixed, an end could stand before its start.

    >>> format_instant(datetime.fromisoformat("2026-11-23T01:30:00+02:00"))
    '2026-11-22 23:30 UTC'
    """
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def open_rounds_note(shown: int, unseen: int, last_closes_at: datetime | None) -> str:
    """Return the sentence on which of the open rounds may still be counted."""
    if not shown + unseen:
        return "No round is open: nothing is still to come."
    waiting = f"{shown:,} shown rounds still wait for their reactions" + (
        f", the last until {format_instant(last_closes_at)}" if last_closes_at else ""
    )
    seen = f"{unseen:,} were never seen, and count only if they will be."
    return f"Rewards are of closed rounds alone: {waiting}; {seen}"
