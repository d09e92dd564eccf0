"""A table of logged rounds as the typed log of one target policy.

Columns: `request_id, user_id, action, n_actions, propensity, reward`. Of a target called x: `target_x`, its chance of
the logged action, and `target_x_<action>`, of every action. Of a model: `predicted_<action>`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from oo_experiments.ope.log import BadLog, Bools, Floats, Ints, Log, require

from oo_pipelines.ope_columns import coded, numbers, whole

__all__ = ["Rounds", "Target", "UnknownTarget"]

WHOLE = re.compile(r"0|-?[1-9][0-9]{0,14}")  # longer ones are ids
POINTED = re.compile(rf"({WHOLE.pattern})\.0+")  # a column that once was of floats
PREDICTED = "predicted_"
TARGET = "target_"
CELLS = 10_000_000  # of rounds and actions, up to which every action is looked at though there are no predictions


class UnknownTarget(ValueError):
    """A name that is neither a column's nor built in; the message lists the known ones."""


@dataclass(frozen=True, slots=True)
class Target:
    """A log, and why the target or its values are not known of every action, if they are not."""

    log: Log
    lacking: str | None


@dataclass(frozen=True, slots=True, eq=False)
class Rounds:
    """What of a table is the same for every target.

    `names` are the actions by their places, `able` (rounds, actions) says which of them a round had. It is None where
    nothing says so: for actions with names, and for very many, without predictions. `predicted` is None when they are
    not there in every round, and `unpredicted` says where they are not.
    """

    table: pa.Table
    user: Ints
    users: int
    action: Ints
    n_actions: Ints
    propensity: Floats
    reward: Floats
    names: tuple[str, ...]
    able: Bools | None
    predicted: Floats | None
    unpredicted: str | None

    @classmethod
    def of(cls, table: pa.Table) -> Rounds:
        """Check every cell that is the same for all targets.

        Raises:
            BadLog: a column is missing, or a cell holds what it must not.
        """
        missing = [name for name in ("request_id", "user_id", "action", "n_actions") if name not in table.column_names]
        if missing:
            raise BadLog(f"column {missing[0]} is missing")
        if not table.num_rows:
            raise BadLog("there is no round in the log")
        _require_distinct(table)
        user, people = coded(table, "user_id")
        n_actions = whole(table, "n_actions")
        propensity, _ = numbers(table, "propensity")
        reward, _ = numbers(table, "reward")
        require("propensity", propensity, (propensity > 0) & (propensity <= 1), "is not in (0, 1]")
        names, action = _actions(table, n_actions)
        able, predicted, unpredicted = _predictions(table, n_actions, names, action)
        if able is None and len(names) == n_actions.max() and WHOLE.fullmatch(names[0]):
            able = np.arange(len(names)) < n_actions[:, None]
        return cls(table, user, len(people), action, n_actions, propensity, reward, names, able, predicted, unpredicted)

    @property
    def by_place(self) -> bool:
        """Whether actions are whole numbers, and so all places below `n_actions`."""
        return WHOLE.fullmatch(self.names[0]) is not None

    @property
    def targets(self) -> tuple[str, ...]:
        """Every name that can be evaluated: the built-in ones, then the columns'."""
        built_in = ("logged", "uniform", *(["greedy"] if self.predicted is not None else []))
        return tuple(dict.fromkeys((*built_in, *self._columns())))

    def _columns(self) -> Iterator[str]:
        """Targets that have a column, without those that are a target's chance of one action."""
        found = [name.removeprefix(TARGET) for name in self.table.column_names if name.startswith(TARGET)]
        parts = {f"{name}_{action}" for name in found for action in self.names}
        if self.by_place:
            parts |= {name for name in found if (cut := name.rpartition("_"))[0] in found and WHOLE.fullmatch(cut[2])}
        yield from (name for name in found if name and name not in parts)

    def target(self, name: str) -> Target:
        """The log for one target policy.

        Raises:
            UnknownTarget: there is none of that name.
            BadLog: its columns hold what they must not.
        """
        if name not in self.targets:
            why = f"; {self.unpredicted}" if name == "greedy" else ""
            raise UnknownTarget(f"there is no target {name}; known are {', '.join(self.targets)}{why}")
        chance = self._chance(name)
        unknown = self._unknown(name, chance)
        distribution = None if unknown else self._distribution(name, chance)
        log = Log(
            user=self.user,
            users=self.users,
            action=self.action,
            propensity=self.propensity,
            reward=self.reward,
            target=chance,
            distribution=distribution,
            predicted=self.predicted,
        )
        return Target(log, self.unpredicted or unknown)

    def _has(self, name: str) -> bool:
        return TARGET + name in self.table.column_names

    def _chance(self, name: str) -> Floats:
        """(rounds,) Of the logged action. A column goes before what is built in."""
        if self._has(name):
            values, _ = numbers(self.table, TARGET + name)
            require(TARGET + name, values, (values >= 0) & (values <= 1), "is not in [0, 1]")
            return values
        if name == "greedy":
            return np.where(self._best() == self.action, 1.0, 0.0)
        return self.propensity if name == "logged" else np.reciprocal(self.n_actions, dtype=np.float64)

    def _best(self) -> Ints:
        """The place of the best-valued action; the first of equals."""
        if self.predicted is None or self.able is None:
            raise AssertionError  # greedy is only known with predictions
        return np.asarray(np.where(self.able, self.predicted, -np.inf).argmax(axis=1))

    def _unknown(self, name: str, chance: Floats) -> str | None:
        """Why the target's chances of other actions than the logged are not known."""
        if self.able is None:
            return "nothing says which actions a round had"
        if not self._has(name) and name in {"uniform", "greedy"}:
            return None
        parts = [f"{TARGET}{name}_{action}" for action in self.names]
        missing = [part for part in parts if part not in self.table.column_names]
        follows = bool(((self.n_actions == 2) | (chance == 1)).all())
        if not missing or (follows and len(missing) == len(parts)):
            return None
        return f"column {missing[0]} is missing: the target's chances of other actions than the logged are not known"

    def _distribution(self, name: str, chance: Floats) -> Floats:
        """(rounds, actions) Stated, built in, or what follows from the logged action's chance of one or two."""
        if self.able is None:
            raise AssertionError  # nothing is lacking
        places = np.arange(len(self.names))
        if not self._has(name) and name in {"uniform", "greedy"}:
            return self.able / self.n_actions[:, None] if name == "uniform" else 1.0 * (self._best()[:, None] == places)
        if f"{TARGET}{name}_{self.names[0]}" in self.table.column_names:
            return self._stated(name, chance)
        rest = (1 - chance) / np.maximum(self.n_actions - 1, 1)
        return np.where(places == self.action[:, None], chance[:, None], self.able * rest[:, None])

    def _stated(self, name: str, chance: Floats) -> Floats:
        parts = [f"{TARGET}{name}_{action}" for action in self.names]
        found = np.empty((len(chance), len(parts)))
        for place, part in enumerate(parts):
            values, empty = numbers(self.table, part, gaps=True)
            able = self.able[:, place] if self.able is not None else ~empty
            require(part, values, ~able | ((values >= 0) & (values <= 1)), "is not in [0, 1]")
            require(part, values, able | empty | (values == 0), "is of an action that the round does not have")
            found[:, place] = np.where(able, values, 0.0)
        total = found.sum(axis=1)
        require(f"{parts[0]} to {parts[-1]}", total, abs(total - 1) <= 1e-6, "is the sum, and not 1")
        same = abs(found[np.arange(len(chance)), self.action] - chance) <= 1e-6
        require(TARGET + name, chance, same, "is not what the column of the logged action says")
        return found


def _require_distinct(table: pa.Table) -> None:
    codes, names = coded(table, "request_id")
    if len(names) < len(codes):
        first = np.unique(codes, return_index=True)[1]
        row = int(np.setdiff1d(np.arange(len(codes)), first)[0])
        raise BadLog(f"column request_id, row {row + 1}: {names[codes[row]]} is there twice")


def _actions(table: pa.Table, n_actions: Ints) -> tuple[tuple[str, ...], Ints]:
    """The actions by their places, and each round's. Whole numbers are places themselves."""
    codes, logged = coded(table, "action")
    predicted = [name.removeprefix(PREDICTED) for name in table.column_names if name.startswith(PREDICTED)]
    if all(map(POINTED.fullmatch, logged)) and set(predicted).isdisjoint(logged):
        logged = [name.partition(".")[0] for name in logged]
    if all(map(WHOLE.fullmatch, logged)):
        action = np.array([int(name) for name in logged], dtype=np.int64)[codes]
        require("action", action, (action >= 0) & (action < n_actions), "is not from 0 to n_actions - 1")
        return _places(n_actions, set(predicted)), action
    names = predicted or logged
    places = {name: place for place, name in enumerate(names)}
    for code, name in enumerate(logged):
        if name not in places:
            row = int(np.argmax(codes == code)) + 1
            raise BadLog(f"column action, row {row}: {name} has no column {PREDICTED}{name}")
    return tuple(names), np.array([places[name] for name in logged])[codes]


def _places(n_actions: Ints, predicted: Collection[str]) -> tuple[str, ...]:
    """Of as many actions as any round has; without predictions, and where they are very many, of one."""
    count = int(n_actions.max())
    if not predicted and count * len(n_actions) > CELLS:
        count = 1
    if predicted and "0" not in predicted:
        raise BadLog(f"column {PREDICTED}0 is missing")
    return tuple(map(str, range(count)))


def _predictions(
    table: pa.Table, n_actions: Ints, names: tuple[str, ...], action: Ints
) -> tuple[Bools | None, Floats | None, str | None]:
    """Which actions a round had, their predictions, 0 for the others; or why not every round has predictions."""
    if not any(name.startswith(PREDICTED) for name in table.column_names):
        return None, None, f"column {PREDICTED}{names[0]} is missing, and one for each other action"
    columns = [_column(table, PREDICTED + name) for name in names]
    bare = np.logical_and.reduce([empty for _, empty in columns])  # no model judged the round, which is no fault
    by_place = all(map(WHOLE.fullmatch, names))
    able = np.zeros((len(action), len(names)), dtype=np.bool_)
    predicted = np.zeros((len(action), len(names)))
    for place, (name, (values, empty)) in enumerate(zip(names, columns, strict=True)):
        able[:, place] = place < n_actions if by_place else ~empty
        if (gaps := able[:, place] & empty & ~bare).any():
            raise BadLog(_gap(table, name, int(np.argmax(gaps)), n_actions))
        predicted[:, place] = np.where(able[:, place], values, 0.0)
    if bare.any():
        first = int(np.argmax(bare)) + 1
        return None, None, f"{bare.sum()} of {len(bare)} rounds have no {PREDICTED} cell, the first in row {first}"
    counted = able.sum(axis=1)
    require("n_actions", n_actions, counted == n_actions, f"is not the number of its {PREDICTED} cells")
    logged = able[np.arange(len(action)), action]
    require("action", np.array(names)[action], logged, f"is an action whose {PREDICTED} cell is empty")
    return able, predicted, None


def _column(table: pa.Table, name: str) -> tuple[Floats, Bools]:
    """Its numbers and where it is empty: everywhere, if it is not there."""
    if name in table.column_names:
        return numbers(table, name, gaps=True)
    return np.zeros(table.num_rows), np.ones(table.num_rows, dtype=np.bool_)


def _gap(table: pa.Table, name: str, row: int, n_actions: Ints) -> str:
    if PREDICTED + name in table.column_names:
        return f"column {PREDICTED}{name}, row {row + 1} is empty, of an action to choose from"
    return f"column {PREDICTED}{name} is missing: row {row + 1} has {n_actions[row]} actions"
