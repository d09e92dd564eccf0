"""A table of logged rounds as the typed log of one target policy.

Columns: `request_id, user_id, action, n_actions, propensity, reward`. For a target called x: `target_x`, its
probability of the logged action, and `target_x_<action>`, of every action. For a model: `predicted_<action>`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from oo_experiments.ope.log import BadLog, BanditLog, Bools, Floats, Ints, require_rows

from oo_pipelines.ope.action_columns import INTEGER, read_actions, read_predictions
from oo_pipelines.ope.columns import encode, integers, numbers, require_distinct

__all__ = ["RoundsTable", "Target", "UnknownTarget"]

TARGET = "target_"


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
        require_distinct(table, "request_id")
        user, user_names = encode(table, "user_id")
        n_actions = integers(table, "n_actions")
        propensity, _ = numbers(table, "propensity")
        reward, _ = numbers(table, "reward")
        require_rows("propensity", propensity, (propensity > 0) & (propensity <= 1), "is not in (0, 1]")
        names, action = read_actions(table, n_actions)
        is_eligible, predicted, unpredicted = read_predictions(table, n_actions, names, action)
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
