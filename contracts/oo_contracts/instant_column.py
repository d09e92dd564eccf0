"""This module puts days and instants into a column, each with what it says of its zone: none, UTC, or an offset."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from oo_contracts.columnar_decision import InstantColumn
from oo_contracts.packed_numbers import BadColumn, pack, unpack

__all__ = ["instant_column", "spread_instants"]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EPOCH_DAY = EPOCH.toordinal()
UNITS = {"day": timedelta(days=1), "second": timedelta(seconds=1), "microsecond": timedelta(microseconds=1)}
NONE, DAY, FLOATING, FIXED, OFFSET = "-dfzo"
EPOCHS = {FLOATING: EPOCH.replace(tzinfo=None), FIXED: EPOCH}
STEPPED = {DAY, FLOATING, FIXED}  # forms of what is written as a number
When = date | None  # a datetime is a date


def instant_column(values: Sequence[When]) -> dict[str, Any] | None:
    """Return an InstantColumn as plain values; None when there is nothing but None."""
    forms = _forms(values)
    if forms.count(NONE) == len(forms):
        return None
    form = forms[0] if forms.count(forms[0]) == len(forms) else forms
    column: dict[str, Any] = {"form": form} | _since_epoch(values, forms, form)
    if OFFSET in forms:
        column["text"] = [value.isoformat() for value, form in zip(values, forms, strict=True) if form == OFFSET]  # type: ignore[union-attr]  # no None has this form
    return column


def _forms(values: Sequence[When]) -> str:
    """Return the form of each; those of one kind, as they mostly are, take a third of the time."""
    kinds = set(map(type, values))
    if kinds == {date}:
        return DAY * len(values)
    if kinds == {datetime} and len({value.utcoffset() for value in values}) == 1:  # type: ignore[union-attr]  # datetimes all
        return _form(values[0]) * len(values)
    return "".join(map(_form, values))


def _form(value: When) -> str:
    if not isinstance(value, datetime):
        return NONE if value is None else DAY
    offset = value.utcoffset()
    if offset is None:
        return FLOATING
    return OFFSET if offset else FIXED


def _since_epoch(values: Sequence[Any], forms: str, form: str) -> dict[str, Any]:
    """Return how long after the epoch those are that are written as a number, and in which unit all are whole."""
    if form == DAY:
        return _numbers("day", [value.toordinal() - EPOCH_DAY for value in values])
    if form in EPOCHS:
        steps = [value - EPOCHS[form] for value in values]
    else:
        steps = [_step(value, form) for value, form in zip(values, forms, strict=True) if form in STEPPED]
    unit = "microsecond" if any(step.microseconds for step in steps) else "second"
    if unit == "second" and not any(step.seconds for step in steps):
        unit = "day"
    return _numbers(unit, [step // UNITS[unit] for step in steps]) if steps else {}


def _step(value: Any, form: str) -> timedelta:
    if form == DAY:
        return timedelta(value.toordinal() - EPOCH_DAY)
    return value - EPOCHS[form]  # type: ignore[no-any-return]  # datetimes both


def _numbers(unit: str, numbers: Sequence[int]) -> dict[str, Any]:
    if numbers.count(numbers[0]) == len(numbers):
        return {"unit": unit, "at": numbers[0]}
    kind = "int32" if min(numbers) >= -(2**31) and max(numbers) < 2**31 else "int64"
    return {"unit": unit, "at": pack(kind, numbers)}


def spread_instants(column: InstantColumn | None, count: int) -> Sequence[When]:
    """Return the days and instants of a column, one for each of `count`.

    Raises:
        BadColumn: the column has another number of them, or one that is in no calendar.
    """
    if column is None:
        return (None,) * count
    forms = column.form * count if len(column.form) == 1 else column.form
    if len(forms) != count:
        raise BadColumn(f"has {len(forms)} forms for {count}")
    stepped = "".join(form for form in forms if form in STEPPED) if set(forms) - STEPPED else forms
    numbers = unpack(column.at) if isinstance(column.at, str) else (column.at,) * len(stepped)
    if len(numbers) != len(stepped) or len(column.text) != forms.count(OFFSET):
        raise BadColumn("has forms without instants, or instants without forms")
    try:
        values = _values(stepped, numbers, UNITS[column.unit])
        others = map(datetime.fromisoformat, column.text)
        return values if stepped == forms else list(_in_order(forms, iter(values), others))
    except (OverflowError, ValueError, TypeError):
        raise BadColumn("has what is no day and no instant") from None


def _values(forms: str, numbers: Sequence[Any], unit: timedelta) -> list[date]:
    if forms == DAY * len(forms) and unit == UNITS["day"]:
        return [date.fromordinal(EPOCH_DAY + number) for number in numbers]
    return [_value(form, number * unit) for form, number in zip(forms, numbers, strict=True)]


def _value(form: str, step: timedelta) -> date:
    return date.fromordinal(EPOCH_DAY + step.days) if form == DAY else EPOCHS[form] + step


def _in_order(forms: str, values: Iterator[date], others: Iterator[date]) -> Iterator[When]:
    for form in forms:
        yield None if form == NONE else next(others if form == OFFSET else values)
