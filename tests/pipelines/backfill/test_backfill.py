"""Backfills find what was known then: DuckDB, Spark and a brute-force oracle give the same bits."""

from __future__ import annotations

import shutil
from datetime import timedelta

import batch_feature_oracle
import histories
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from backfills import Backfills
from deltalake import write_deltalake
from oo_features.profile_schema import PROFILE_FEATURES
from oo_pipelines.backfill.batch import BATCH_FEATURES

COUNT, SEED = 10_000, 20261123
US = timedelta(microseconds=1)
REVERSED = str.maketrans("0123456789abcdef", "fedcba9876543210")


def written(folder, **tables):
    for name, table in tables.items():
        pq.write_table(table, folder / f"{name}.parquet")
    return folder


def _sooner(row, name):
    return row[name] and row[name] - US


@pytest.fixture(scope="module")
def duckdb():
    engine = Backfills("duckdb")
    yield engine
    engine.stop()


@pytest.fixture(scope="module")
def spark():
    if shutil.which("java") is None:
        pytest.skip("no java on PATH: Spark needs 17 or 21")
    engine = Backfills("spark")
    yield engine
    engine.stop()


@pytest.fixture(scope="module", params=["duckdb", pytest.param("spark", marks=pytest.mark.long)])
def backfill(request):
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module")
def drawn():
    return histories.histories(COUNT, SEED)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, drawn):
    values, spine = map(histories.table, drawn)
    return written(tmp_path_factory.mktemp("histories"), source=values, spine=spine)


@pytest.mark.parametrize("name", histories.FEATURES)
def test_10_000_histories_agree_with_the_oracle(backfill, folder, drawn, tmp_path, name):
    wanted = histories.served(*drawn, histories.FEATURES[name])

    found = backfill(folder, name, tmp_path / "out")

    assert histories.differing(found, wanted, name) == {}
    assert {reason for _, reason in wanted.values()} == {None, "missing", "stale", "null", "invalid", "out_of_range"}


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param({"created_timestamp": lambda row: row["event_timestamp"]}, id="created time is ignored"),
        pytest.param({"created_timestamp": lambda row: _sooner(row, "created_timestamp")}, id="told 1 µs too soon"),
        pytest.param({"event_timestamp": lambda row: _sooner(row, "event_timestamp")}, id="1 µs of the future"),
        pytest.param({"event_id": lambda row: row["event_id"].translate(REVERSED)}, id="ties the other way"),
    ],
)
def test_the_comparison_notices_a_join_that_is_wrong(duckdb, drawn, tmp_path, fault):
    values, spine = drawn
    name, of = next(iter(histories.FEATURES.items()))
    wrong = [row | {column: change(row) for column, change in fault.items()} for row in values]
    written(tmp_path, source=histories.table(wrong), spine=histories.table(spine))

    found = duckdb(tmp_path, name, tmp_path / "out")

    assert len(histories.differing(found, histories.served(values, spine, of), name)) > 10


@pytest.mark.parametrize("name", batch_feature_oracle.ASKED)
def test_batch_features_agree_with_the_oracle(backfill, tmp_path, name):
    source = batch_feature_oracle.ASKED[name][0]
    rows, spine = batch_feature_oracle.facts(source, 3_000, SEED)
    written(tmp_path, source=batch_feature_oracle.table(source, rows), spine=histories.table(spine))

    found = backfill(tmp_path, name, tmp_path / "out")

    assert histories.differing(found, batch_feature_oracle.served(rows, spine, name), name) == {}
    assert len({row[name] for row in found.values()}) > 4


def test_delta_tables_are_read_with_their_partitions(backfill, tmp_path):
    rows, spine = batch_feature_oracle.facts("signals", 50, SEED)
    write_deltalake(tmp_path / "source", batch_feature_oracle.table("signals", rows), partition_by=["type"])
    write_deltalake(tmp_path / "spine", histories.table(spine))
    write_deltalake(
        tmp_path / "source", batch_feature_oracle.table("signals", rows), partition_by=["type"], mode="overwrite"
    )

    found = backfill(tmp_path, "active_days_14d", tmp_path / "out", suffix="")

    wanted = batch_feature_oracle.served(rows, spine, "active_days_14d")
    assert histories.differing(found, wanted, "active_days_14d") == {}


def test_of_a_request_that_the_log_has_twice_the_first_made_stands(backfill, tmp_path):
    rows, spine = batch_feature_oracle.facts("reactions", 50, SEED)
    again = [row | {"decided_at": row["decided_at"] + timedelta(hours=1)} for row in spine]
    logged = histories.table(again + spine + spine)  # what was made first may arrive later, and twice
    ids = [f"2-{row['request_id']}" for row in again] + [f"1-{row['request_id']}" for row in spine] * 2
    places = {"stream": pa.array(["D"] * len(logged)), "sequence": pa.array(range(len(logged)))}
    for name, column in (places | {"event_id": pa.array(ids)}).items():
        logged = logged.append_column(name, column)
    write_deltalake(tmp_path / "source", batch_feature_oracle.table("reactions", rows))
    write_deltalake(tmp_path / "spine", logged.sort_by([("sequence", "descending")]))

    found = backfill(tmp_path, "tip_volume_7d", tmp_path / "out", suffix="")

    assert {key: row["decided_at"] for key, row in found.items()} == {
        row["request_id"]: row["decided_at"] for row in spine
    }
    assert histories.differing(found, batch_feature_oracle.served(rows, spine, "tip_volume_7d"), "tip_volume_7d") == {}


def test_every_batch_feature_is_of_the_mirror_and_has_an_oracle():
    assert set(BATCH_FEATURES) == set(batch_feature_oracle.ASKED) <= {item.name for item in PROFILE_FEATURES}
