"""The columns about actions: which action a round chose, which it had to choose from, and what a model predicted.

Actions are whole numbers, and so the indices of a round's actions, or names, which are columns of predictions.
"""

from __future__ import annotations

import re
from collections.abc import Collection

import numpy as np
import pyarrow as pa
from oo_experiments.ope.log import BadLog, Bools, Floats, Ints, require_rows

from oo_pipelines.ope.columns import encode, numbers

__all__ = ["INTEGER", "read_actions", "read_predictions"]

INTEGER = re.compile(r"0|-?[1-9][0-9]{0,14}")  # longer ones are ids
DECIMAL_INTEGER = re.compile(rf"({INTEGER.pattern})\.0+")  # a column that once was of floats
PREDICTED = "predicted_"
MAX_CELLS = 10_000_000  # rounds times actions, up to which every action is counted though there are no predictions


def read_actions(table: pa.Table, n_actions: Ints) -> tuple[tuple[str, ...], Ints]:
    """Return the actions by their indices, and each round's action (rounds,); whole numbers are indices themselves.

    Raises:
        BadLog: an action is none of its round's, or has no predictions where others have.
    """
    codes, logged = encode(table, "action")
    predicted = [name.removeprefix(PREDICTED) for name in table.column_names if name.startswith(PREDICTED)]
    if all(map(DECIMAL_INTEGER.fullmatch, logged)) and set(predicted).isdisjoint(logged):
        logged = [name.partition(".")[0] for name in logged]
    if all(map(INTEGER.fullmatch, logged)):
        action = np.array([int(name) for name in logged], dtype=np.int64)[codes]
        require_rows("action", action, (action >= 0) & (action < n_actions), "is not from 0 to n_actions - 1")
        return _places(n_actions, set(predicted)), action
    names = predicted or logged
    indices = {name: index for index, name in enumerate(names)}
    for code, name in enumerate(logged):
        if name not in indices:
            row = int(np.argmax(codes == code)) + 1
            raise BadLog(f"column action, row {row}: {name} has no column {PREDICTED}{name}")
    return tuple(names), np.array([indices[name] for name in logged])[codes]


def _places(n_actions: Ints, predicted: Collection[str]) -> tuple[str, ...]:
    """Return as many actions as any round has; a single one where there are very many, without predictions."""
    count = int(n_actions.max())
    if not predicted and count * len(n_actions) > MAX_CELLS:
        count = 1
    if predicted and "0" not in predicted:
        raise BadLog(f"column {PREDICTED}0 is missing")
    return tuple(map(str, range(count)))


def read_predictions(
    table: pa.Table, n_actions: Ints, names: tuple[str, ...], action: Ints
) -> tuple[Bools | None, Floats | None, str | None]:
    """Return which actions a round had, their predictions (0 for the others), and why some round has none.

    Raises:
        BadLog: a round lacks the prediction of one of its actions, or has one of another action.
    """
    if not any(name.startswith(PREDICTED) for name in table.column_names):
        return None, None, f"column {PREDICTED}{names[0]} is missing, and one for each other action"
    columns = [_column(table, PREDICTED + name) for name in names]
    unpredicted = np.logical_and.reduce(
        [empty for _, empty in columns]
    )  # no model predicted the round, which is no fault
    by_place = all(map(INTEGER.fullmatch, names))
    is_eligible = np.zeros((len(action), len(names)), dtype=np.bool_)
    predicted = np.zeros((len(action), len(names)))
    for index, (name, (values, empty)) in enumerate(zip(names, columns, strict=True)):
        is_eligible[:, index] = index < n_actions if by_place else ~empty
        if (gaps := is_eligible[:, index] & empty & ~unpredicted).any():
            raise BadLog(_gap(table, name, int(np.argmax(gaps)), n_actions))
        predicted[:, index] = np.where(is_eligible[:, index], values, 0.0)
    if unpredicted.any():
        first = int(np.argmax(unpredicted)) + 1
        return (
            None,
            None,
            f"{unpredicted.sum()} of {len(unpredicted)} rounds have no {PREDICTED} cell, the first in row {first}",
        )
    counted = is_eligible.sum(axis=1)
    require_rows("n_actions", n_actions, counted == n_actions, f"is not the number of its {PREDICTED} cells")
    logged = is_eligible[np.arange(len(action)), action]
    require_rows("action", np.array(names)[action], logged, f"is an action whose {PREDICTED} cell is empty")
    return is_eligible, predicted, None


def _column(table: pa.Table, name: str) -> tuple[Floats, Bools]:
    """Return a column's numbers and where it is empty, which is everywhere if there is no such column."""
    if name in table.column_names:
        return numbers(table, name, gaps=True)
    return np.zeros(table.num_rows), np.ones(table.num_rows, dtype=np.bool_)


def _gap(table: pa.Table, name: str, row: int, n_actions: Ints) -> str:
    if PREDICTED + name in table.column_names:
        return f"column {PREDICTED}{name}, row {row + 1} is empty, of an action to choose from"
    return f"column {PREDICTED}{name} is missing: row {row + 1} has {n_actions[row]} actions"
