"""Our own closed rounds as the table that `oo-ml ope` reads, with a column for every target that they know.

An action is a candidate's index among the eligible ones: the others had no propensity, and no policy may give them one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from oo_contracts.events import ScoreDecision
from oo_decisions.decision_action_set import logged_action_set
from oo_decisions.round import Round
from oo_experiments.ope.log import BadLog
from oo_experiments.policies.policy import Baseline, Greedy, Policy, Uniform

__all__ = ["REPLAYED_POLICIES", "rounds_table", "rounds_with_target"]

VALUE_FREE_POLICIES: tuple[Policy, ...] = (Uniform(), Baseline())  # they do not look at values
REPLAYED_POLICIES = (*VALUE_FREE_POLICIES, Greedy())
CHUNK_ROWS = 5_000  # rounds that are Python objects at a time: as columns they need a tenth of the memory
Propensities = Sequence[float]


def rounds_table(rounds: Iterable[Round]) -> pa.Table:
    """Return a row for each round.

    Targets are what acted (`logged`), policies replayed on the logged values, and shadows. A shadow is called by its
    name and version, like epsilon-greedy-0.1; its cells are empty where it was not evaluated. `predicted_…` are the
    logged values of the model that served the round; where none did, they and greedy's cells are empty.

    Raises:
        BadLog: there is no round.
    """
    rows = map(_row, rounds)
    pieces = [_columns(piece) for piece in iter(lambda: list(islice(rows, CHUNK_ROWS)), [])]
    if not pieces:
        raise BadLog("there is no closed round yet")
    return pa.concat_tables(pieces, promote_options="default")


def _columns(rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    names = dict.fromkeys(name for row in rows for name in row)
    return pa.table({name: [row.get(name) for row in rows] for name in names})


def rounds_with_target(table: pa.Table, target: str) -> pa.Table:
    """Return the rounds in which the target is known.

    That is where a shadow was evaluated, or, for greedy, where a model predicted values.

    Raises:
        BadLog: greedy is requested, and no model predicted any round.
    """
    name = f"target_{target}"
    if target == Greedy().name and name not in table.column_names:
        raise BadLog("greedy goes by a model's values, and no model judged a closed round yet")
    return table.filter(pc.is_valid(table[name])) if name in table.column_names else table


def _row(item: Round) -> dict[str, Any]:
    decision = item.decision
    eligible_indices = [index for index, candidate in enumerate(decision.candidates) if candidate.eligible]
    action = eligible_indices.index(
        next(index for index, candidate in enumerate(decision.candidates) if candidate.id == decision.chosen_id)
    )
    row: dict[str, Any] = {
        "request_id": decision.request_id,
        "user_id": decision.user_id,
        "action": action,
        "n_actions": len(eligible_indices),
        "propensity": decision.propensity,
        "reward": item.reward,
    }
    for name, target_propensities in _targets(decision):
        propensities = [target_propensities[index] for index in eligible_indices]
        row[f"target_{name}"] = propensities[action]
        row |= {f"target_{name}_{index}": propensity for index, propensity in enumerate(propensities)}
    if decision.has_prediction:
        row |= {
            f"predicted_{index}": decision.candidates[eligible_index].value
            for index, eligible_index in enumerate(eligible_indices)
        }
    return row


def _targets(decision: ScoreDecision) -> Iterator[tuple[str, Propensities]]:
    yield "logged", [candidate.propensity for candidate in decision.candidates]
    actions = logged_action_set(decision)
    yield from (
        (policy.name, policy.probabilities(actions))
        for policy in (REPLAYED_POLICIES if decision.has_prediction else VALUE_FREE_POLICIES)
    )
    yield from ((f"{shadow.policy.name}-{shadow.policy.version}", shadow.propensities) for shadow in decision.shadows)
