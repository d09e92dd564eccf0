"""Replay finds nothing in a sound past, and every bit that was flipped in it; what it cannot compare it says."""

from __future__ import annotations

import asyncio
import json
import os
import struct
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oo_consumers.effect_store import Store
from oo_contracts.checksums import with_checksums
from oo_contracts.events import STORED_CONTEXT, ScoreDecision, ShadowPropensities
from oo_contracts.score import ModelInfo, PolicyInfo, ScoreRequest
from oo_contracts.score_call import ScoreCall
from oo_decisions.ranking_replay import ZERO_MODEL, decision_differences
from oo_experiments.assignment.assignment import ActiveExperiments
from oo_experiments.assignment.experiment import load_experiments
from oo_experiments.policies.policy import Baseline, EpsilonGreedy, Greedy, Uniform, UnknownPolicy
from oo_experiments.policies.policy_registry import policy_from_log
from oo_features.feature_sets import RANKER_V1
from oo_model_cards import artifact
from oo_model_cards.registry import Registry
from oo_pipelines.__main__ import main
from oo_pipelines.replay import model_runtime, replay_store
from oo_pipelines.replay.replay import Replay
from oo_pipelines.settings import PipelineSettings
from oo_pipelines.simulation.simulate import Simulation
from oo_pipelines.simulation.simulated_users import SimulatedUsers
from oo_pipelines.training import ranker_training, train
from oo_pipelines.training.dataset import gather
from oo_predictors import served_model as predictors_ranker
from oo_predictors.model_source import ModelSource
from oo_serving.pace import Pace
from oo_transformers.predictor_messages import Predictions
from oo_transformers.scorer import Scorer
from pydantic import ValidationError

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SETS = {RANKER_V1.ref: RANKER_V1}
RUNNING = ActiveExperiments(*load_experiments())
ODD_SHARE = 0.123456789012345  # more digits than a rounded version would keep


def past():
    return [event for _, event in Simulation(SimulatedUsers(1, 80), NOW, 6).events()]


PAST = past()
DECISIONS = [event for event in PAST if isinstance(event, ScoreDecision)]
ONE = next(item for item in DECISIONS if item.moment.profile and len(item.candidates) > 4)


def flipped(number: float, bit: int) -> float:
    """The number with one of its 64 bits changed."""
    (bits,) = struct.unpack("<Q", struct.pack("<d", number))
    return struct.unpack("<d", struct.pack("<Q", bits ^ (1 << bit)))[0]


def with_candidate(decision, place, **other):
    some = list(decision.candidates)
    some[place] = some[place].model_copy(update=other)
    return decision.model_copy(update={"candidates": tuple(some)})


def with_moment(decision, **other):
    return decision.model_copy(update={"moment": decision.moment.model_copy(update=other)})


def found(decision):
    return decision_differences(decision, RANKER_V1, ZERO_MODEL)


def no_folder(name, version):
    return None


def replayed_all(decisions, model=no_folder):
    replay = Replay(SETS, model)
    for item in decisions:
        replay.add(item)
    return replay.report


# A sound past


def test_the_simulated_past_replays_without_a_difference():
    report = replayed_all(ScoreDecision.read(item.encode()) for item in DECISIONS)

    assert (report.differences, report.replayed) == (0, len(DECISIONS))
    assert report.rows == sum(len(item.candidates) for item in DECISIONS)
    assert report.sound()


def test_how_many_rounds_a_second():
    """No bound: a measurement, with -s. Reading the JSON is part of it, the store is not."""
    texts = [item.encode() for item in DECISIONS]
    start = time.process_time()
    report = replayed_all(map(ScoreDecision.read, texts))
    seconds = time.process_time() - start
    print(
        f"\nreplayed {report.decisions} rounds, {report.rows} rows: {report.decisions / seconds:,.0f} rounds/s a core"
    )


# One flipped bit


@pytest.mark.parametrize("bit", [0, 29, 51, 63])
@pytest.mark.parametrize("column", range(len(RANKER_V1.names)), ids=RANKER_V1.names)
def test_a_bit_of_a_feature_is_found_and_named(column, bit):
    row = list(ONE.candidates[2].row)
    row[column] = flipped(row[column], bit)

    (apart,) = found(with_candidate(ONE, 2, row=tuple(row)))

    assert (apart.request_id, apart.candidate_id, apart.what) == (
        ONE.request_id,
        ONE.candidates[2].id,
        RANKER_V1.names[column],
    )
    assert (apart.logged, apart.recomputed) == (row[column], ONE.candidates[2].row[column])


@given(st.sampled_from(DECISIONS), st.data())
def test_any_bit_of_any_row_is_found_and_named(decision, data):
    place = data.draw(st.integers(0, len(decision.candidates) - 1))
    column = data.draw(st.integers(0, len(RANKER_V1.names) - 1))
    row = list(decision.candidates[place].row)
    row[column] = flipped(row[column], data.draw(st.integers(0, 63)))

    (apart,) = found(with_candidate(decision, place, row=tuple(row)))

    assert (apart.candidate_id, apart.what) == (decision.candidates[place].id, RANKER_V1.names[column])


@given(st.sampled_from(DECISIONS), st.integers(0, 63), st.sampled_from(["value", "propensity"]), st.data())
def test_any_bit_of_a_value_or_a_chance_is_found_and_named(decision, bit, field, data):
    place = data.draw(st.integers(0, len(decision.candidates) - 1))
    wrong = flipped(getattr(decision.candidates[place], field), bit)

    (apart,) = found(with_candidate(decision, place, **{field: wrong}))

    assert apart.what == field
    assert apart.candidate_id == decision.candidates[place].id


@given(st.sampled_from(DECISIONS), st.integers(0, 63))
def test_any_bit_of_the_propensity_is_found(decision, bit):
    (apart,) = found(decision.model_copy(update={"propensity": flipped(decision.propensity, bit)}))

    assert apart.what == "propensity"


@given(st.sampled_from(DECISIONS), st.data())
def test_any_bit_of_the_choice_is_found(decision, data):
    place = data.draw(st.integers(0, len(decision.chosen_id) - 1))
    bit = data.draw(st.integers(0, 6))
    text = (
        decision.chosen_id[:place] + chr(ord(decision.chosen_id[place]) ^ (1 << bit)) + decision.chosen_id[place + 1 :]
    )

    (apart,) = found(decision.model_copy(update={"chosen_id": text}))

    assert (apart.what, apart.logged, apart.recomputed) == ("chosen", text, decision.chosen_id)


@given(st.sampled_from(DECISIONS), st.integers(0, 40))
def test_any_bit_of_the_clock_is_found(decision, bit):
    """In microseconds: most features feel none of it, so the two readings of the clock are compared."""
    found_apart = found(with_moment(decision, now=decision.moment.now + timedelta(microseconds=1 << bit)))

    assert "clock" in {item.what for item in found_apart}


def test_the_features_that_feel_the_clock_are_named():
    names = {item.what for item in found(with_moment(ONE, now=ONE.moment.now + timedelta(hours=25)))}

    assert {"context.hour_of_day", "context.day_of_week", "candidate.age_days"} <= names


@given(st.sampled_from([item for item in DECISIONS if item.moment.profile]), st.integers(0, 63), st.data())
def test_any_bit_of_the_profile_is_found_and_named(decision, bit, data):
    """A row is float32: what is below that no model ever saw, and only the seal tells."""
    name = data.draw(st.sampled_from(sorted(decision.moment.profile)))
    wrong = flipped(float(decision.moment.profile[name]), bit)

    apart = found(with_moment(decision, profile=decision.moment.profile | {name: wrong}))

    named = {item.what.removeprefix("fallback of ").removeprefix("seal of ") for item in apart}
    assert named == {f"profile.{name}"}


def spoilt_at(decision, place, bit):
    """The event that its text reads as with one bit changed; None when it is no event any more."""
    text = bytearray(decision.encode())
    text[place] ^= 1 << bit
    try:
        return ScoreDecision.read(bytes(text))
    except ValidationError:
        return None


def unnoticed(decision, place, bit):
    """Whether the bit passes. What means the same may (1e5 and 1E5), and what is counted as without seals."""
    spoilt = spoilt_at(decision, place, bit)
    if spoilt is None or spoilt == decision:
        return False
    report = replayed_all([spoilt])
    return report.sound() and not report.unsealed


@pytest.mark.long
@settings(max_examples=2_000)
@given(st.sampled_from(DECISIONS), st.data())
def test_any_bit_of_an_event_as_it_is_stored_is_found(decision, data):
    """Whatever it hits: a digit, a name, a quote."""
    place = data.draw(st.integers(0, len(decision.encode()) - 1))

    assert not unnoticed(decision, place, data.draw(st.integers(0, 7)))


def alone():
    """One candidate, which every policy and model would have chosen: least follows from what this carries."""
    of = {"candidates": (ONE.candidates[0].model_copy(update={"propensity": 1.0}),), "propensity": 1.0}
    of |= {"chosen_id": ONE.candidates[0].id, "policy": PolicyInfo(name="epsilon-greedy", version="0.1")}
    return with_checksums(ONE.model_copy(update=of))


@pytest.mark.long
def test_every_bit_is_found_where_least_follows_from_it():
    decision = alone()
    places = range(len(decision.encode()))

    assert replayed_all([decision]).sound()
    assert [(place, bit) for place in places for bit in range(8) if unnoticed(decision, place, bit)] == []


@pytest.mark.parametrize(("part", "version"), [("model", "1"), ("policy", "0.3")])
def test_another_version_that_decided_the_same_is_named(part, version):
    decision = alone()
    judge = getattr(decision, part).model_copy(update={"version": version})

    (apart,) = found(decision.model_copy(update={part: judge}))

    assert apart.what == f"seal of {part}"


@pytest.mark.parametrize("name", sorted(ONE.moment.profile))
def test_a_profile_feature_that_is_gone_is_found_and_named(name):
    rest = {key: value for key, value in ONE.moment.profile.items() if key != name}

    names = {item.what for item in found(with_moment(ONE, profile=rest))}

    assert f"fallback of profile.{name}" in names


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"request_id": "another"}, "chosen"),
        ({"policy": PolicyInfo(name="greedy", version="1")}, "propensity"),
        ({"fallbacks": ({"feature": "profile.preferred_hour", "reason": "stale"},)}, "fallback of"),
        ({"decided_at": NOW}, "clock"),
        ({"chosen_id": None}, "chosen"),
        ({"propensity": None}, "propensity"),
        (
            {"shadows": (ShadowPropensities(policy=PolicyInfo(name="uniform", version="1"), propensities=(1.0,)),)},
            "shadow uniform 1",
        ),
    ],
    ids=lambda item: item if isinstance(item, str) else next(iter(item)),
)
def test_any_other_part_is_compared_too(change, what):
    wrong = ScoreDecision.model_validate(ONE.model_dump() | change, context=STORED_CONTEXT)
    several = [wrong.model_copy(update={"request_id": f"another-{n}"}) for n in range(20)]
    tried = several if "request_id" in change else [wrong]

    names = {apart.what for item in tried for apart in found(item)}

    assert any(name.startswith(what) for name in names)


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../etc", ""])
def test_a_moment_that_cannot_be_is_a_difference_and_no_crash(zone):
    (apart,) = found(with_moment(ONE, timezone=zone))

    assert apart.what == "moment"


def test_a_row_of_another_width_is_a_difference():
    (apart,) = found(with_candidate(ONE, 0, row=ONE.candidates[0].row[:-1]))

    assert (apart.what, apart.recomputed) == ("row", f"{len(RANKER_V1.names)} features")


def test_minus_nothing_is_not_nothing():
    (apart,) = found(with_candidate(ONE, 0, value=-0.0))

    assert apart.what == "value"


# What cannot be compared


def test_another_fingerprint_is_counted_and_not_passed():
    report = replayed_all([ONE, ONE.model_copy(update={"feature_set": "ranker-v1@0123456789abcdef"})])

    assert report.other_fingerprints == {"ranker-v1@0123456789abcdef": 1}
    assert (report.decisions, report.replayed, report.differences) == (2, 1, 0)
    assert not report.sound()
    assert report.sound(allow_other_fingerprints=True)


def judged_by_99(decision):
    """The decision of a version that nobody has any more."""
    return with_checksums(decision.model_copy(update={"model": ModelInfo(name="tip-ranker", version="99")}))


def test_a_model_that_is_gone_is_counted_and_not_passed():
    gone = judged_by_99(ONE)
    report = replayed_all([ONE, gone])

    assert (report.models, report.missing_models) == ({"none/0": 1}, {"tip-ranker/99": 1})
    assert not report.sound()
    assert report.sound(allow_missing_models=True)
    assert not report.sound(allow_other_fingerprints=True)


def test_without_the_model_everything_else_is_still_compared():
    gone = judged_by_99(ONE)

    report = replayed_all([gone.model_copy(update={"chosen_id": "nobody"})])

    assert [item.what for item in report.first] == ["chosen"]


def test_a_policy_that_nobody_knows_is_counted_and_not_passed():
    report = replayed_all([ONE.model_copy(update={"policy": PolicyInfo(name="oracle", version="7")})])

    assert report.unknown_policies == {"oracle 7": 1}
    assert not report.sound(allow_other_fingerprints=True, allow_missing_models=True)


@pytest.mark.parametrize(
    "policy", [Uniform(), Greedy(), Baseline(), *map(EpsilonGreedy, (0, 0.05, ODD_SHARE, 1 / 3, 1))]
)
def test_name_and_version_are_the_whole_policy(policy):
    assert policy_from_log(policy.name, policy.version) == policy


@pytest.mark.parametrize(
    "said",
    [("uniform", "2"), ("nobody", "1"), ("epsilon-greedy", "x"), ("epsilon-greedy", "7"), ("epsilon-greedy", "nan")],
)
def test_no_other_policy_is_made_up(said):
    with pytest.raises(UnknownPolicy):
        policy_from_log(*said)


# What was really served


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A store with the simulated past, and a registry with one version trained on it."""
    folder = tmp_path_factory.mktemp("replay")
    settings = PipelineSettings(
        store_url=f"sqlite:///{folder}/effects.db", tracking_uri=f"sqlite:///{folder}/mlflow.db"
    )
    before = os.getcwd()  # noqa: PTH109  # MLflow writes artifacts below it
    os.chdir(folder)
    store = Store.open(settings.store_url)
    for kind, source in {"ScoreDecision": "decisions", "Feedback": "feedback"}.items():
        store.record_all(source, [event for event in PAST if type(event).__name__ == kind])
    train.run(settings, NOW, lambda *_: None)
    yield settings, store, folder
    store.close()
    os.chdir(before)


class Served:
    """The predictor's own model behind the transformer's call."""

    def __init__(self, folder, version):
        source = ModelSource(folder=folder, version=version, digest=artifact.digest(folder))
        self.ranker = predictors_ranker.load_model(source)
        self.version = version

    async def predict(self, rows, feature_set, request_id, headers):
        values = self.ranker.runtime.values(np.array(rows, dtype=np.float32)).tolist()
        return Predictions(tuple(values), ONE.model.model_copy(update={"name": "tip-ranker", "version": self.version}))


class Kept(list):
    def put(self, subject, event, sender):
        self.append(event)


async def scored(predictor, sessions, running=RUNNING, **more):
    kept = Kept()
    for session in sessions:
        tasks = [
            {"id": task.id, "content": "x" * task.content_length, "priority": task.priority} for task in session.tasks
        ]
        ask = {"request_id": session.request_id, "user_id": session.user.id, "timezone": session.user.zone}
        body = json.dumps(ask | {"tasks": tasks, "profile_features": session.user.profile} | more)
        scorer = Scorer(RANKER_V1, predictor, EpsilonGreedy(ODD_SHARE), lambda: running, kept, lambda at=session.at: at)
        call = ScoreCall.from_request(ScoreRequest.model_validate_json(body))
        await (await scorer(call, {}, Pace())).publish("u-1", Pace())
    return [ScoreDecision.read(item.encode()) for item in kept]


def sessions():
    people = SimulatedUsers(2, 60)
    return [item for user in people.people() for item in people.sessions(user, NOW.date())]


@pytest.fixture(scope="module")
def models(world):
    told, _, folder = world
    return replay_store.ReplayModels(Registry(told.tracking_uri), folder / "models")


@pytest.fixture(scope="module")
def live(world, models):
    told, _, folder = world
    registry = Registry(told.tracking_uri)
    model = registry.fetch(registry.resolve("tip-ranker/1"), folder / "served")
    return asyncio.run(scored(Served(model, "1"), sessions()))


def test_what_the_transformer_served_replays_without_a_difference(live, models):
    report = replayed_all(live, models)

    assert len({item.policy.version for item in live}) == 3
    assert len({value.value for item in live for value in item.candidates}) > 50
    assert (report.first, report.models) == ([], {"tip-ranker/1": len(live)})
    assert report.sound()


@pytest.mark.parametrize("bit", [0, 29, 51, 63])
def test_a_bit_of_a_served_value_is_found_and_named(live, models, bit):
    wrong = with_candidate(live[3], 1, value=flipped(live[3].candidates[1].value, bit))

    (apart,) = replayed_all([wrong], models).first

    assert (apart.candidate_id, apart.what) == (live[3].candidates[1].id, "value")


def test_a_version_that_was_never_registered_says_why(live, models):
    model = live[0].model.model_copy(update={"version": "77"})

    report = replayed_all([live[0].model_copy(update={"model": model})], models)

    assert report.missing_models == {"tip-ranker/77": 1}
    assert models.why["tip-ranker/77"]


def test_a_model_of_other_features_cannot_have_judged(live, models):
    other = RANKER_V1.__class__("other", RANKER_V1.context)
    replay = Replay({other.ref: other}, models)

    replay.add(live[0].model_copy(update={"feature_set": other.ref}))

    assert [item.what for item in replay.report.first] == ["feature set of the model"]


@pytest.mark.parametrize("said", ["NaN", "1e400", '"nine"', "null", "[9]", "1" + "0" * 60])
def test_a_profile_of_nonsense_replays_with_its_reason(world, models, live, said):
    _, _, folder = world
    profile = json.loads(f'{{"preferred_hour": {said}}}')
    decided = asyncio.run(scored(Served(folder / "served", "1"), sessions()[:3], profile_features=profile))

    assert decided[0].fallbacks
    assert replayed_all(decided, models).first == []


@pytest.mark.long
@pytest.mark.parametrize("graph", [True, False])
def test_values_are_the_predictors_bit_for_bit(world, tmp_path, graph):
    _, store, _ = world
    data = gather(store.rounds(NOW), RANKER_V1.ref, 100)
    parts = ranker_training.export_ranker(
        ranker_training.fit_ranker(data, 1), RANKER_V1, data.rows, tolerance=1e-5 if graph else 1e-12
    ).files
    artifact.write_model(tmp_path / "model", parts)
    theirs, ours = Served(tmp_path / "model", "1"), model_runtime.load_replay_model(tmp_path / "model")

    assert (parts.onnx is not None) is graph
    for rows in data.candidates[:300]:
        assert ours.values(rows) == tuple(theirs.ranker.runtime.values(rows).tolist())


# The store and the command


def test_decisions_since_an_instant_whatever_its_zone(world):
    _, store, _ = world
    since = datetime.fromisoformat("2026-11-19T05:00:00+05:00")

    expected = sorted((item.decided_at, item.request_id) for item in DECISIONS if item.decided_at >= since)

    assert [item.request_id for item in store.stored_decisions(since)] == [key for _, key in expected]
    assert store.count_decided(since) == len(expected) < store.count_decided() == len(DECISIONS)


@dataclass
class Done:
    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def replay_command(monkeypatch, capsys):
    """The command in this process, for importing everything anew takes longer than the replay."""

    def run(told, *words, output="json"):
        monkeypatch.setenv("OO_PIPELINE_STORE_URL", told.store_url)
        monkeypatch.setenv("OO_PIPELINE_TRACKING_URI", told.tracking_uri)
        monkeypatch.setattr(sys, "argv", ["oo_pipelines", "--output", output, "replay", *words])
        with pytest.raises(SystemExit) as left:
            main()
        return Done(left.value.code, *capsys.readouterr())

    return run


def test_the_command_finds_nothing_in_a_sound_store(world, replay_command):
    done = replay_command(world[0], "--since", "2026-11-18", "--limit", "100")

    said = json.loads(done.stdout)
    assert done.returncode == 0, done.stderr
    assert (said["decisions"], said["differences"], said["sound"]) == (100, 0, True)
    assert "rounds/s 100/100" in done.stderr


@pytest.fixture
def spoilt(tmp_path):
    """Two sound decisions, one wrong, one of other features, one that is no JSON."""
    settings = PipelineSettings(store_url=f"sqlite:///{tmp_path}/e.db", tracking_uri=f"sqlite:///{tmp_path}/m.db")
    sound, again, wrong, other, broken = DECISIONS[:5]
    wrong = with_candidate(wrong, 0, propensity=0.25)
    store = Store.open(settings.store_url)
    store.record_all("d", [sound, again, wrong, other.model_copy(update={"feature_set": "ranker-v1@00000000"}), broken])
    with store.engine.begin() as connection:
        connection.exec_driver_sql("update decisions set event = '{' where request_id = ?", (broken.request_id,))
    store.close()
    return settings, wrong, broken


def test_the_command_names_what_differs(spoilt, replay_command):
    told, wrong, broken = spoilt

    done = replay_command(told, "--allow-other-fingerprints")
    table = replay_command(told, output="table").stdout

    said = json.loads(done.stdout)
    assert done.returncode == 1
    assert (said["decisions"], said["replayed"], said["differing"]) == (5, 3, 2)
    assert said["other_fingerprints"] == {"ranker-v1@00000000": 1}
    assert {(item["request_id"], item["what"]) for item in said["first"]} == {
        (wrong.request_id, "propensity"),
        (broken.request_id, "event"),
    }
    assert f"{wrong.request_id}  {wrong.candidates[0].id}" in table
    assert "ranker-v1@00000000: 1 decisions cannot be replayed by this code" in table


@pytest.mark.parametrize(
    "words", [("--since", "yesterday"), ("--limit", "0"), ("--limit", "many"), ("--tolerance", "1e-9")]
)
def test_misuse_is_exit_code_2(world, replay_command, words):
    done = replay_command(world[0], *words)

    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_other_fingerprints_alone_are_exit_code_1_unless_allowed(tmp_path, replay_command):
    settings = PipelineSettings(store_url=f"sqlite:///{tmp_path}/e.db", tracking_uri=f"sqlite:///{tmp_path}/m.db")
    store = Store.open(settings.store_url)
    store.record("d", ONE.model_copy(update={"feature_set": "ranker-v1@00000000"}))
    store.close()

    assert replay_command(settings).returncode == 1
    assert replay_command(settings, "--allow-other-fingerprints").returncode == 0


def test_a_registry_that_is_away_is_exit_code_1_in_one_line(tmp_path, replay_command, monkeypatch):
    settings = PipelineSettings(store_url=f"sqlite:///{tmp_path}/e.db", tracking_uri="http://127.0.0.1:9")
    store = Store.open(settings.store_url)
    store.record("d", ONE.model_copy(update={"model": ONE.model.model_copy(update={"name": "tip-ranker"})}))
    store.close()

    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    done = replay_command(settings)

    assert done.returncode == 1
    assert "Unavailable" in done.stderr
