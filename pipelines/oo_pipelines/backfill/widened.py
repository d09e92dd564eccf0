"""Rounds that were served before a feature was there, with the feature as it was known then.

What was served still trains: such a round counts only when everything else in its rows, recomputed from the decision's
own moment, is bit for bit what was served. The others pass as they are, and `gather` sets them aside.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from oo_contracts.events import ScoreDecision
from oo_contracts.rounds import Round
from oo_features.feature_set import FeatureSet
from oo_features.moment import Moment

from oo_pipelines.backfill.engines import DuckDB
from oo_pipelines.backfill.options import BadInput
from oo_pipelines.backfill.source import read
from oo_pipelines.replay import asked

__all__ = ["Columns", "columns", "widened"]

Columns = Mapping[str, Mapping[str, float]]  # feature → request_id → value


def columns(paths: Sequence[str], features: FeatureSet) -> Columns:
    """What backfills wrote, each of one profile feature of the set.

    Raises:
        BadInput: it is no such file.
    """
    engine = DuckDB.start()
    found: dict[str, Mapping[str, float]] = {}
    for path in paths:
        table = read(engine, "--backfill", path)
        names = [item.name for item in features.profile if item.name in table.columns]
        if len(names) != 1 or "request_id" not in table.columns:
            raise BadInput(f"--backfill: {path} has no request_id, or not one profile feature of {features.name}")
        rows = table.select("request_id", names[0]).to_pyarrow().to_pydict()
        found[names[0]] = dict(zip(rows["request_id"], rows[names[0]], strict=True))
    return found


def widened(rounds: Iterable[Round], features: FeatureSet, backfilled: Columns) -> Iterator[Round]:
    """Each round, its rows those of `features` where the backfilled columns are all that was missing."""
    for item in rounds:
        wide = None if item.decision.feature_set == features.ref else _wide(item.decision, features, backfilled)
        yield item if wide is None else replace(item, decision=wide)


def _wide(of: ScoreDecision, features: FeatureSet, backfilled: Columns) -> ScoreDecision | None:
    if any(of.request_id not in column for column in backfilled.values()):
        return None
    new = {f"profile.{name}": column[of.request_id] for name, column in backfilled.items()}
    old = [place for place, name in enumerate(features.names) if name not in new]
    rows = features.rows(Moment.from_facts(of.moment), [asked(item) for item in of.candidates]).values
    if any(
        _bits(item.row) != _bits([row[place] for place in old]) for item, row in zip(of.candidates, rows, strict=True)
    ):
        return None
    shipped = {f"profile.{name}" for name in of.moment.profile or ()}  # what a call had said beats what we make of it
    fill = {features.names.index(name): value for name, value in new.items() if name not in shipped}
    candidates = tuple(
        item.model_copy(update={"row": tuple(fill.get(place, value) for place, value in enumerate(row))})
        for item, row in zip(of.candidates, rows, strict=True)
    )
    return of.model_copy(update={"candidates": candidates, "feature_set": features.ref})


def _bits(row: Sequence[float]) -> bytes:
    return array("d", row).tobytes()
