"""Rounds that were served before a feature existed, completed by the feature as it was known then.

What was served still trains: such a round counts only when everything else in its rows, recomputed from the decision's
own context, is bit for bit what was served. The others pass as they are, and `gather` excludes them.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from oo_contracts.events import ScoreDecision
from oo_contracts.task_columns import CandidateColumns
from oo_decisions.round import Round
from oo_features.feature_context import FeatureContext
from oo_features.feature_set import FeatureSet

from oo_pipelines.backfill.backfill_options import BadBackfillInput
from oo_pipelines.backfill.backfill_tables import read
from oo_pipelines.backfill.engines import DuckDB

__all__ = ["Columns", "merge_backfill", "read_columns"]

Columns = Mapping[str, Mapping[str, float]]  # feature → request_id → value


def read_columns(paths: Sequence[str], features: FeatureSet) -> Columns:
    """Return what backfills wrote; each file has one profile feature of the set.

    Raises:
        BadBackfillInput: a file is no such backfill.
    """
    engine = DuckDB.start()
    columns: dict[str, Mapping[str, float]] = {}
    for path in paths:
        table = read(engine, "--backfill", path)
        names = [item.name for item in features.profile if item.name in table.columns]
        if len(names) != 1 or "request_id" not in table.columns:
            raise BadBackfillInput(
                f"--backfill: {path} has no request_id, or not one profile feature of {features.name}"
            )
        rows = table.select("request_id", names[0]).to_pyarrow().to_pydict()
        columns[names[0]] = dict(zip(rows["request_id"], rows[names[0]], strict=True))
    return columns


def merge_backfill(rounds: Iterable[Round], features: FeatureSet, backfilled: Columns) -> Iterator[Round]:
    """Yield each round, with rows of `features` where the backfilled columns are all that was missing."""
    for logged in rounds:
        merged = None if logged.decision.feature_set == features.ref else _merge(logged.decision, features, backfilled)
        yield logged if merged is None else replace(logged, decision=merged)


def _merge(decision: ScoreDecision, features: FeatureSet, backfilled: Columns) -> ScoreDecision | None:
    if any(decision.request_id not in column for column in backfilled.values()):
        return None
    backfilled_values = {f"profile.{name}": column[decision.request_id] for name, column in backfilled.items()}
    served_indices = [index for index, name in enumerate(features.names) if name not in backfilled_values]
    rows = features.rows(
        FeatureContext.from_facts(decision.moment), CandidateColumns.from_candidates(decision.candidates)
    ).values.tolist()
    if any(
        _bits(item.row) != _bits([row[index] for index in served_indices])
        for item, row in zip(decision.candidates, rows, strict=True)
    ):
        return None
    # A value that the call itself sent beats the backfilled one: it is what the model would have been given.
    shipped = {f"profile.{name}" for name in decision.moment.profile or ()}
    fill = {features.names.index(name): value for name, value in backfilled_values.items() if name not in shipped}
    candidates = tuple(
        item.model_copy(update={"row": tuple(fill.get(index, value) for index, value in enumerate(row))})
        for item, row in zip(decision.candidates, rows, strict=True)
    )
    return decision.model_copy(update={"candidates": candidates, "feature_set": features.ref})


def _bits(row: Sequence[float]) -> bytes:
    return array("d", row).tobytes()
