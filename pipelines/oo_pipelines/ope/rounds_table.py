"""A table of logged rounds as the typed log of one target policy.

Columns: `request_id, user_id, action, n_actions, propensity, reward`. For a target called x: `target_x`, its
probability of the logged action, and `target_x_<action>`, of every action. For a model: `predicted_<action>`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from oo_experiments.ope.log import BadLog, BanditLog, Bools, Floats, Ints, require_rows

from oo_pipelines.ope.columns import encode, integers, numbers

__all__ = ["RoundsTable", "Target", "UnknownTarget"]

INTEGER = re.compile(r"0|-?[1-9][0-9]{0,14}")  # longer ones are ids
DECIMAL_INTEGER = re.compile(rf"({INTEGER.pattern})\.0+")  # a column that once was of floats
PREDICTED = "predicted_"
TARGET = "target_"
MAX_CELLS = 10_000_000  # rounds times actions, up to which every action is counted though there are no predictions


class UnknownTarget(ValueError):
    """A name that is neither a column's nor built in; the message lists the known ones."""


@dataclass(frozen=True, slots=True)
class Target:
    """A log, and why the target or the values are not known of every action; None when they are."""

    log: BanditLog
    lacking: str | None


@dataclass(frozen=True, slots=True, eq=False)
class RoundsTable:
    """The part of a table that is the same for every target.

    `names` are the actions by their indices, `is_eligible` (rounds, actions) says which of them a round had. It is None
    where nothing says so: for actions with names, and for very many, without predictions. `predicted` is None when they
    are not there in every round, and `unpredicted` says where they are not.
    """

    table: pa.Table
    user: Ints
    users: int
    action: Ints
    n_actions: Ints
    propensity: Floats
    reward: Floats
    names: tuple[str, ...]
    is_eligible: Bools | None
    predicted: Floats | None
    unpredicted: str | None

    @classmethod
    def of(cls, table: pa.Table) -> RoundsTable:
        """Check every cell that is the same for all targets, and return the table.

        Raises:
            BadLog: a column is missing, or a cell holds what it must not.
        """
        missing = [name for name in ("request_id", "user_id", "action", "n_actions") if name not in table.column_names]
        if missing:
            raise BadLog(f"column {missing[0]} is missing")
        if not table.num_rows:
            raise BadLog("there is no round in the log")
        _require_distinct(table)
        user, user_names = encode(table, "user_id")
        n_actions = integers(table, "n_actions")
        propensity, _ = numbers(table, "propensity")
        reward, _ = numbers(table, "reward")
        require_rows("propensity", propensity, (propensity > 0) & (propensity <= 1), "is not in (0, 1]")
        names, action = _actions(table, n_actions)
        is_eligible, predicted, unpredicted = _predictions(table, n_actions, names, action)
        if is_eligible is None and len(names) == n_actions.max() and INTEGER.fullmatch(names[0]):
            is_eligible = np.arange(len(names)) < n_actions[:, None]
        return cls(
            table,
            user,
            len(user_names),
            action,
            n_actions,
            propensity,
            reward,
            names,
            is_eligible,
            predicted,
            unpredicted,
        )

    @property
    def by_place(self) -> bool:
        """Whether actions are whole numbers, and so all indices below `n_actions`."""
        return INTEGER.fullmatch(self.names[0]) is not None

    @property
    def targets(self) -> tuple[str, ...]:
        """Every name that can be evaluated: the built-in ones, then the columns'."""
        built_in = ("logged", "uniform", *(["greedy"] if self.predicted is not None else []))
        return tuple(dict.fromkeys((*built_in, *self._columns())))

    def _columns(self) -> Iterator[str]:
        """Yield the targets that have a column, without the columns of a target's single actions."""
        names = [name.removeprefix(TARGET) for name in self.table.column_names if name.startswith(TARGET)]
        action_columns = {f"{name}_{action}" for name in names for action in self.names}
        if self.by_place:
            action_columns |= {
                name for name in names if (cut := name.rpartition("_"))[0] in names and INTEGER.fullmatch(cut[2])
            }
        yield from (name for name in names if name and name not in action_columns)

    def target(self, name: str) -> Target:
        """Return the log for one target policy.

        Raises:
            UnknownTarget: there is no target of that name.
            BadLog: its columns hold what they must not.
        """
        if name not in self.targets:
            why = f"; {self.unpredicted}" if name == "greedy" else ""
            raise UnknownTarget(f"there is no target {name}; known are {', '.join(self.targets)}{why}")
        probability = self._probability(name)
        why_unknown = self._unknown(name, probability)
        distribution = None if why_unknown else self._distribution(name, probability)
        log = BanditLog(
            user=self.user,
            users=self.users,
            action=self.action,
            propensity=self.propensity,
            reward=self.reward,
            target=probability,
            distribution=distribution,
            predicted=self.predicted,
        )
        return Target(log, self.unpredicted or why_unknown)

    def _has(self, name: str) -> bool:
        return TARGET + name in self.table.column_names

    def _probability(self, name: str) -> Floats:
        """Return the target's probability of the logged action (rounds,); a column overrides what is built in."""
        if self._has(name):
            values, _ = numbers(self.table, TARGET + name)
            require_rows(TARGET + name, values, (values >= 0) & (values <= 1), "is not in [0, 1]")
            return values
        if name == "greedy":
            return np.where(self._best() == self.action, 1.0, 0.0)
        return self.propensity if name == "logged" else np.reciprocal(self.n_actions, dtype=np.float64)

    def _best(self) -> Ints:
        """Return the index of the best-valued action (rounds,); the first of equals."""
        if self.predicted is None or self.is_eligible is None:
            raise AssertionError  # greedy is only known with predictions
        return np.asarray(np.where(self.is_eligible, self.predicted, -np.inf).argmax(axis=1))

    def _unknown(self, name: str, probability: Floats) -> str | None:
        """Return why the target's probabilities of actions not logged are not known, or None."""
        if self.is_eligible is None:
            return "nothing says which actions a round had"
        if not self._has(name) and name in {"uniform", "greedy"}:
            return None
        columns = [f"{TARGET}{name}_{action}" for action in self.names]
        missing = [column for column in columns if column not in self.table.column_names]
        # With two actions, or a certain one, the rest follows from the logged action's probability.
        is_implied = bool(((self.n_actions == 2) | (probability == 1)).all())
        if not missing or (is_implied and len(missing) == len(columns)):
            return None
        return f"column {missing[0]} is missing: the target's probabilities of actions not logged are not known"

    def _distribution(self, name: str, probability: Floats) -> Floats:
        """Return the target's probabilities (rounds, actions): stated, built in, or implied by the logged action's."""
        if self.is_eligible is None:
            raise AssertionError  # nothing is lacking
        actions = np.arange(len(self.names))
        if not self._has(name) and name in {"uniform", "greedy"}:
            return (
                self.is_eligible / self.n_actions[:, None]
                if name == "uniform"
                else 1.0 * (self._best()[:, None] == actions)
            )
        if f"{TARGET}{name}_{self.names[0]}" in self.table.column_names:
            return self._stated(name, probability)
        rest = (1 - probability) / np.maximum(self.n_actions - 1, 1)
        return np.where(actions == self.action[:, None], probability[:, None], self.is_eligible * rest[:, None])

    def _stated(self, name: str, probability: Floats) -> Floats:
        columns = [f"{TARGET}{name}_{action}" for action in self.names]
        distribution = np.empty((len(probability), len(columns)))
        for index, column in enumerate(columns):
            values, empty = numbers(self.table, column, gaps=True)
            is_eligible = self.is_eligible[:, index] if self.is_eligible is not None else ~empty
            require_rows(column, values, ~is_eligible | ((values >= 0) & (values <= 1)), "is not in [0, 1]")
            require_rows(
                column, values, is_eligible | empty | (values == 0), "is of an action that the round does not have"
            )
            distribution[:, index] = np.where(is_eligible, values, 0.0)
        total = distribution.sum(axis=1)
        require_rows(f"{columns[0]} to {columns[-1]}", total, abs(total - 1) <= 1e-6, "is the sum, and not 1")
        same = abs(distribution[np.arange(len(probability)), self.action] - probability) <= 1e-6
        require_rows(TARGET + name, probability, same, "is not what the column of the logged action says")
        return distribution


def _require_distinct(table: pa.Table) -> None:
    codes, names = encode(table, "request_id")
    if len(names) < len(codes):
        first = np.unique(codes, return_index=True)[1]
        row = int(np.setdiff1d(np.arange(len(codes)), first)[0])
        raise BadLog(f"column request_id, row {row + 1}: {names[codes[row]]} is there twice")


def _actions(table: pa.Table, n_actions: Ints) -> tuple[tuple[str, ...], Ints]:
    """Return the actions by their indices, and each round's action (rounds,); whole numbers are indices themselves."""
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


def _predictions(
    table: pa.Table, n_actions: Ints, names: tuple[str, ...], action: Ints
) -> tuple[Bools | None, Floats | None, str | None]:
    """Return which actions a round had, their predictions (0 for the others), and why some round has none."""
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
