"""Our own closed rounds as the table that `oo-ml ope` reads, with a column for every target that they know.

An action is a candidate's place among the eligible ones: the others had no chance, and no policy may give them one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from oo_contracts.events import ScoreDecision
from oo_contracts.rounds import Round
from oo_experiments.choice import Choice
from oo_experiments.ope.log import BadLog
from oo_experiments.policy import Baseline, Greedy, Policy, Uniform

__all__ = ["REPLAYED", "knowing", "table_of"]

BLIND: tuple[Policy, ...] = (Uniform(), Baseline())  # they do not look at values
REPLAYED = (*BLIND, Greedy())
PIECE = 5_000  # rounds at a time that are Python objects: a column needs a tenth of their memory
Chances = Sequence[float]


def table_of(rounds: Iterable[Round]) -> pa.Table:
    """A row for each round. Targets are what acted (`logged`), policies replayed on the logged values, and shadows.

    A shadow is called by its name and version, like epsilon-greedy-0.1; its cells are empty where it was not asked.
    `predicted_…` are the logged values of the model that served the round; where none did, they and greedy's cells are
    empty.

    Raises:
        BadLog: there is no round.
    """
    rows = map(_row, rounds)
    pieces = [_columns(piece) for piece in iter(lambda: list(islice(rows, PIECE)), [])]
    if not pieces:
        raise BadLog("there is no closed round yet")
    return pa.concat_tables(pieces, promote_options="default")


def _columns(rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    names = dict.fromkeys(name for row in rows for name in row)
    return pa.table({name: [row.get(name) for row in rows] for name in names})


def knowing(table: pa.Table, target: str) -> pa.Table:
    """The rounds in which the target is known: a shadow was asked, or a model judged, by whose values greedy goes.

    Raises:
        BadLog: greedy is asked for, and no model judged any round.
    """
    name = f"target_{target}"
    if target == Greedy().name and name not in table.column_names:
        raise BadLog("greedy goes by a model's values, and no model judged a closed round yet")
    return table.filter(pc.is_valid(table[name])) if name in table.column_names else table


def _row(item: Round) -> dict[str, Any]:
    of = item.decision
    able = [place for place, candidate in enumerate(of.candidates) if candidate.eligible]
    at = able.index(next(place for place, candidate in enumerate(of.candidates) if candidate.id == of.chosen))
    row: dict[str, Any] = {
        "request_id": of.request_id,
        "user_id": of.user_id,
        "action": at,
        "n_actions": len(able),
        "propensity": of.propensity,
        "reward": item.reward,
    }
    for name, chances in _targets(of):
        kept = [chances[place] for place in able]
        row[f"target_{name}"] = kept[at]
        row |= {f"target_{name}_{place}": chance for place, chance in enumerate(kept)}
    if of.judged:
        row |= {f"predicted_{place}": of.candidates[which].value for place, which in enumerate(able)}
    return row


def _targets(of: ScoreDecision) -> Iterator[tuple[str, Chances]]:
    yield "logged", [candidate.propensity for candidate in of.candidates]
    ids = [candidate.id for candidate in of.candidates]
    choice = Choice(
        values=[candidate.value for candidate in of.candidates],
        eligible=[candidate.eligible for candidate in of.candidates],
        baseline=ids.index(of.baseline) if of.baseline in ids else None,
    )
    yield from ((policy.name, policy.probabilities(choice)) for policy in (REPLAYED if of.judged else BLIND))
    yield from ((f"{shadow.policy.name}-{shadow.policy.version}", shadow.propensities) for shadow in of.shadows)
