"""Columns of a table as numbers and text; an error names the first cell that is neither."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet
from oo_experiments.ope.log import BadLog, Bools, Floats, Ints, require_rows

__all__ = ["encode", "integers", "numbers", "read_table", "require_distinct"]

PARQUET = b"PAR1"


def read_table(path: Path) -> pa.Table:
    """Return a Parquet file, or a CSV file of which every cell stays the text that it is.

    Raises:
        BadLog: it cannot be read, or is neither.
    """
    try:
        with path.open("rb") as file:
            is_parquet = file.read(len(PARQUET)) == PARQUET
        table = pyarrow.parquet.read_table(path) if is_parquet else _csv(path)
    except OSError as error:
        raise BadLog(f"{path} cannot be read: {_line(error)}") from None
    except (UnicodeDecodeError, csv.Error, pa.ArrowException) as error:
        raise BadLog(f"{path} is neither Parquet nor CSV: {_line(error)}") from None
    if len(set(table.column_names)) < table.num_columns:
        repeated = next(name for name in table.column_names if table.column_names.count(name) > 1)
        raise BadLog(f"column {repeated} is there twice")
    return table


def _csv(path: Path) -> pa.Table:
    with path.open(encoding="utf-8-sig", newline="") as file:
        names = next(csv.reader(file), [])
    options = pyarrow.csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False)
    parsing = pyarrow.csv.ParseOptions(newlines_in_values=True)
    return pyarrow.csv.read_csv(path, parse_options=parsing, convert_options=options)


def _line(error: Exception) -> str:
    return " ".join(str(error).split())


def _column(table: pa.Table, name: str) -> pa.Array:
    """Return a column in one piece; a text of nothing but spaces counts as empty.

    Raises:
        BadLog: there is no column of that name.
    """
    if name not in table.column_names:
        raise BadLog(f"column {name} is missing")
    column = table[name].combine_chunks()
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if _is_text(column) and pc.any(blank := pc.match_substring_regex(column, r"^\s*$")).as_py():
        column = pc.if_else(blank, pa.scalar(None, column.type), column)
    return column


def _is_text(column: pa.Array) -> bool:
    return bool(pa.types.is_string(column.type) or pa.types.is_large_string(column.type))


def numbers(table: pa.Table, name: str, *, gaps: bool = False) -> tuple[Floats, Bools]:
    """Return the column as floats, and where it is empty (NaN in the first), both of shape (rows,).

    Where `gaps` are allowed, NaN counts as one, because NumPy has no null.

    Raises:
        BadLog: a cell is no finite number, or empty though gaps are not allowed.
    """
    column = _column(table, name)
    try:
        values = _floats(column)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        cells = column.to_pylist()
        row = next((index for index, cell in enumerate(cells) if not _is_number(cell)), 0)
        raise BadLog(f"column {name}, row {row + 1}: {cells[row]!r} is not a number") from None
    empty = np.isnan(values) if gaps else column.is_null().to_numpy(zero_copy_only=False)
    if not gaps:
        _require_filled(name, empty)
    require_rows(name, values, np.isfinite(values) | empty, "is not a finite number")
    return values, empty


def _floats(column: pa.Array) -> Floats:
    """Return the column as floats.

    Text may have spaces around a number, and true is 1; both are rare, so they are tried last.
    """
    try:
        cast = column.cast(pa.float64(), safe=False)
    except pa.ArrowInvalid:
        if not _is_text(column):
            raise
        text = pc.utf8_lower(pc.utf8_trim_whitespace(column))
        truths = pc.all(pc.is_in(text, pa.array(["true", "false", None], text.type))).as_py()
        cast = (pc.equal(text, "true") if truths else text).cast(pa.float64())
    return np.asarray(cast.to_numpy(zero_copy_only=False))


def _is_number(cell: object) -> bool:
    try:
        float(cell)  # type: ignore[arg-type]  # finding out is the point
    except (TypeError, ValueError):
        return cell is None
    return True


def _require_filled(name: str, empty: Bools) -> None:
    if empty.any():
        raise BadLog(f"column {name}, row {int(np.argmax(empty)) + 1} is empty")


def integers(table: pa.Table, name: str) -> Ints:
    """Return a column of whole numbers from 1 on, as far as floats tell them apart.

    Raises:
        BadLog: a cell is something else.
    """
    values, _ = numbers(table, name)
    require_rows(
        name, values, (values >= 1) & (values < 2**53) & (values == np.floor(values)), "is not a whole number from 1 on"
    )
    return values.astype(np.int64)


def encode(table: pa.Table, name: str) -> tuple[Ints, list[str]]:
    """Return a column of names as numbers in order of their first row, and the names. 007 stays 007, and 3.0 is 3.

    Raises:
        BadLog: a cell is empty, or the column is neither text nor whole numbers.
    """
    column = _column(table, name)
    if pa.types.is_floating(column.type):
        values, _ = numbers(table, name)
        require_rows(name, values, values == np.floor(values), "is neither text nor a whole number")
        column = column.cast(pa.int64())
    try:
        column = column.cast(pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise BadLog(f"column {name} is of type {column.type}, neither text nor numbers") from None
    _require_filled(name, column.is_null().to_numpy(zero_copy_only=False))
    encoded = column.dictionary_encode()
    return encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64), encoded.dictionary.to_pylist()


def require_distinct(table: pa.Table, name: str) -> None:
    """Check that no two cells of a column of names are the same.

    Raises:
        BadLog: a name is there twice, or a cell is no name.
    """
    codes, names = encode(table, name)
    if len(names) < len(codes):
        first = np.unique(codes, return_index=True)[1]
        row = int(np.setdiff1d(np.arange(len(codes)), first)[0])
        raise BadLog(f"column {name}, row {row + 1}: {names[codes[row]]} is there twice")
