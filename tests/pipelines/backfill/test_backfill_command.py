"""`python -m oo_pipelines backfill` as a person or a Job calls it."""

from __future__ import annotations

import builtins
import json
import sys
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import write_deltalake
from oo_pipelines import __main__ as command

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def tables(tmp_path):
    """One decision; the share was 0.25 an hour before, and is said to have been 0.75 since an hour after."""
    instants = {"event_timestamp": [NOW - HOUR, NOW - HOUR], "created_timestamp": [NOW - HOUR, NOW + HOUR]}
    names = {"user_id": ["u", "u"], "event_id": ["e-1", "e-2"]}
    tables = {
        "spine": {"request_id": ["r"], "user_id": ["u"], "decided_at": [NOW]},
        "values": {**names, **instants, "completion_rate_30d": [0.25, 0.75]},
        "opened": {**names, "type": ["app_opened"] * 2, "task_id": ["", ""], "occurred_at": [NOW - HOUR] * 2}
        | {"created_timestamp": [NOW - HOUR] * 2},
    }
    return {name: _written(tmp_path / f"{name}.parquet", pa.table(table)) for name, table in tables.items()}


def _written(path, table):
    pq.write_table(table, path)
    return path


@pytest.fixture
def backfill(monkeypatch, capsys, tmp_path):
    def call(feature="completion_rate_30d", **options):
        words = {"feature": feature, "out": tmp_path / "out.parquet"} | options
        given = [word for name, value in words.items() for word in (f"--{name.replace('_', '-')}", str(value))]
        monkeypatch.setattr(sys, "argv", ["oo_pipelines", "--output", "json", "backfill", *given])
        with pytest.raises(SystemExit) as ended:
            command.main()
        said = capsys.readouterr()
        return ended.value.code, json.loads(said.out) if said.out else said.err

    return call


def test_a_correction_that_came_later_is_not_used(backfill, tables, tmp_path):
    code, said = backfill(spine=tables["spine"], source=tables["values"])

    assert (code, said["decisions"], said["known"]) == (0, 1, 1)
    assert pq.read_table(tmp_path / "out.parquet").to_pylist() == [
        {
            "request_id": "r",
            "user_id": "u",
            "decided_at": NOW,
            "completion_rate_30d": 0.25,
            "reason": None,
            "computed_at": NOW - HOUR,
        }
    ]


def test_facts_and_delta_tables_are_read_too(backfill, tables, tmp_path):
    write_deltalake(tmp_path / "lake", pq.read_table(tables["opened"]))

    code, said = backfill("active_days_14d", spine=tables["spine"], source=tmp_path / "lake")

    assert (code, said["known"]) == (0, 1)
    assert pq.read_table(tmp_path / "out.parquet")["active_days_14d"].to_pylist() == [1.0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param({"source": "nowhere"}, "--source: nowhere cannot be read", id="no such file"),
        pytest.param({"source": __file__}, "cannot be read", id="no table"),
        pytest.param({"source": "delta+nowhere"}, "--source: delta+nowhere cannot be read", id="no Delta table"),
        pytest.param({"created_time": "told_at"}, "--source: no column told_at", id="no created time"),
        pytest.param(
            {"feature": "preferred_hour"}, "--source: no column preferred_hour", id="neither values nor facts"
        ),
        pytest.param({"event_time": "event_id"}, "--source: event_id is string", id="no instant"),
    ],
)
def test_what_cannot_be_is_refused_by_name(backfill, tables, change, said):
    code, error = backfill(**{"spine": tables["spine"], "source": tables["values"]} | change)

    assert code == 2
    assert said in error


def test_a_decision_that_is_there_twice_is_refused(backfill, tables, tmp_path):
    twice = _written(tmp_path / "twice.parquet", pa.concat_tables([pq.read_table(tables["spine"])] * 2))

    code, error = backfill(spine=twice, source=tables["values"])

    assert (code, "--spine: request_id" in error) == (2, True)


def test_nothing_is_written_over(backfill, tables):
    backfill(spine=tables["spine"], source=tables["values"])

    code, error = backfill(spine=tables["spine"], source=tables["values"])

    assert (code, "is there already" in error) == (2, True)


def test_what_cannot_be_written_is_a_failure(backfill, tables, tmp_path):
    code, error = backfill(spine=tables["spine"], source=tables["values"], out=tmp_path / "no" / "folder.parquet")

    assert (code, "--out: " in error) == (1, True)


def test_without_the_extra_it_says_which(backfill, tables, monkeypatch):
    really = builtins.__import__

    def without(name, *rest, **more):
        if name.startswith("pyspark"):
            raise ModuleNotFoundError("No module named 'pyspark'", name="pyspark")
        return really(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)

    code, error = backfill(spine=tables["spine"], source=tables["values"], engine="spark")

    assert code == 2
    assert "pip install 'oo-pipelines[spark]'" in error
