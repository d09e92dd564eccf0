"""Beliefs are a fold: no order, repetition or delay changes a bit, and the streams give the same again."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from datetime import timedelta

import pytest
from example_events import NOON
from hypothesis import given, settings
from hypothesis import strategies as st
from learning_events import EXPERIMENTS, past, score, tip
from oo_consumers.beliefs.belief_writer import BeliefWriter, experiments_with_beliefs
from oo_consumers.beliefs.fold import Fold
from oo_consumers.effect_store import Store
from oo_contracts.buckets import BucketSnapshot
from oo_contracts.events import Feedback
from oo_experiments.policies.beliefs import Beliefs
from waiting import eventually, free_port, listens

LATER = NOON + timedelta(days=30)
CONTEXTS = experiments_with_beliefs(EXPERIMENTS)
PAST = past(60)


def bytes_of(beliefs):
    return {key: item.to_bytes() for key, item in beliefs.items()}


def folded(store, now=LATER, contexts=CONTEXTS):
    return bytes_of(Fold(contexts).advance(store, now))


def record(store, events):
    for source, event in events:
        store.record(source, event)


def said(reaction, number=0, at=NOON, to="c-0", event_id=None):
    return Feedback(
        event_id=event_id or f"f-{number}-{reaction}",
        request_id=f"r-{number}",
        candidate_id=to,
        user_id="u-0",
        reaction=reaction,
        occurred_at=at,
    )


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    store = Store.open(f"sqlite:///{tmp_path_factory.mktemp('expected')}/effects.db")
    record(store, PAST)
    yield folded(store), {item.decision.request_id: item.reward for item in store.rounds(LATER)}
    store.close()


def test_there_is_something_to_disagree_about(expected):
    beliefs, rewards = expected

    assert set(beliefs) == {"tone", "words"}
    assert Beliefs.from_bytes(beliefs["tone"]).linear.rounds > 10
    assert set(Beliefs.from_bytes(beliefs["words"]).arms) == {"v1", "v2", "v3"}
    assert len(set(rewards.values())) > 2


@pytest.mark.long
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32), passes=st.integers(1, 4))
def test_any_order_of_arrival_gives_the_same_rewards_and_the_same_beliefs(tmp_path_factory, expected, seed, passes):
    """Some events twice, some of them days late, and a fold that looked in between, at whatever it then saw."""
    draw = random.Random(seed)
    events = [*PAST, *draw.sample(PAST, 30)]
    draw.shuffle(events)
    store, fold = Store.open(f"sqlite:///{tmp_path_factory.mktemp('any')}/effects.db"), Fold(CONTEXTS)
    for part in range(passes):
        record(store, events[part::passes])
        fold.advance(store, NOON + timedelta(days=draw.randrange(40)))

    found = bytes_of(fold.advance(store, LATER))
    rewards = {item.decision.request_id: item.reward for item in store.rounds(LATER)}
    store.close()

    assert (found, rewards) == expected


def test_on_both_databases(store, expected):
    record(store, reversed(PAST))

    assert folded(store) == expected[0]


def test_a_reaction_three_days_late_corrects(store):
    record(store, [("decisions", score(0, NOON, random.Random(3))), ("feedback", said("shown"))])
    record(store, [("feedback", said("shown", to="c-1", event_id="f-other"))])
    fold = Fold({"tone": False})
    chosen = fold.advance(store, NOON + timedelta(days=2))["tone"]
    assert list(chosen.arms.values()) == [(1, 0)]

    late = NOON + timedelta(days=3)
    record(store, [("feedback", said("completed", at=late, to=to, event_id=f"f-{to}")) for to in ("c-0", "c-1")])

    assert list(fold.advance(store, NOON + timedelta(days=4))["tone"].arms.values()) == [(1, 1_000_000)]


def test_an_open_round_teaches_nothing_and_one_that_nobody_saw_never_does(store):
    record(store, [("decisions", score(0, NOON, random.Random(3))), ("decisions", tip(0, NOON, "v2"))])
    assert folded(store, LATER)["words"] == Beliefs().to_bytes()

    record(store, [("feedback", said("shown"))])

    assert folded(store, NOON + timedelta(hours=23))["words"] == Beliefs().to_bytes()
    assert Beliefs.from_bytes(folded(store, NOON + timedelta(hours=25))["words"]).arms == {"v2": (1, 0)}


def test_of_two_decisions_of_one_request_the_first_made_counts_whichever_came_first(store, tmp_path):
    first, second = score(0, NOON, random.Random(1)), score(0, NOON + timedelta(seconds=9), random.Random(2))
    second = second.model_copy(update={"event_id": "d-99999", "chosen_id": "c-1", "propensity": 0.25})
    first = first.model_copy(update={"chosen_id": "c-0"})
    other = Store.open(f"sqlite:///{tmp_path}/other.db")
    for one, order in ((store, (first, second)), (other, (second, first))):
        record(one, [*(("decisions", item) for item in order), ("feedback", said("completed"))])

    found = [[(item.decision.event_id, item.reward) for item in one.rounds(LATER)] for one in (store, other)]
    beliefs = [folded(one) for one in (store, other)]
    other.close()

    assert found[0] == found[1] == [("d-00000", 1.0)]
    assert beliefs[0] == beliefs[1]


def test_a_decision_made_earlier_takes_the_place_of_one_that_was_counted(store):
    early, late = score(0, NOON, random.Random(1)), score(0, NOON, random.Random(2))
    early = early.model_copy(update={"event_id": "d-0", "chosen_id": "c-0"})
    fold = Fold(CONTEXTS)
    record(
        store, [("decisions", late), ("feedback", said("shown", to=late.chosen_id)), ("decisions", tip(0, NOON, "v2"))]
    )
    before = bytes_of(fold.advance(store, LATER))
    record(store, [("decisions", early), ("feedback", said("completed"))])

    after = bytes_of(fold.advance(store, LATER))

    assert after == folded(store)
    assert after["tone"] != before["tone"]
    assert after["words"] != before["words"]


class Watched:
    """A store, and of which requests all was read."""

    def __init__(self, store):
        self.request_counts, self._store, self.read = store.request_counts, store, []

    def histories(self, request_ids):
        self.read += request_ids
        return self._store.histories(request_ids)


def test_a_pass_reads_only_what_is_new_or_what_time_may_close(store):
    decisions = [score(number, NOON, random.Random(number)) for number in range(3)]
    record(store, [("decisions", item) for item in decisions])
    record(store, [("feedback", said("shown", number, to=decisions[number].chosen_id)) for number in (0, 1)])
    fold, watched = Fold(CONTEXTS), Watched(store)
    for later, more, read in (
        (timedelta(hours=1), (), ["r-0", "r-1"]),
        (timedelta(hours=2), (), ["r-0", "r-1"]),  # shown, and not closed yet
        (timedelta(days=2), (), ["r-0", "r-1"]),
        (timedelta(days=2), (), []),
        (timedelta(days=3), (said("completed", 1, to=decisions[1].chosen_id),), ["r-1"]),
        (timedelta(days=3), (said("dismissed", 7),), ["r-7"]),  # whose decision has not come
        (timedelta(days=4), (), []),
    ):
        record(store, [("feedback", event) for event in more])
        watched.read.clear()
        found = bytes_of(fold.advance(watched, NOON + later))
        assert (watched.read, found) == (read, folded(store, NOON + later))


def test_contexts_are_kept_only_where_a_policy_looks_at_them(store):
    record(store, PAST)

    plain = Fold({"tone": False}).advance(store, LATER)["tone"]

    assert plain.linear is None
    assert plain.arms == Beliefs.from_bytes(folded(store)["tone"]).arms


def test_rows_of_other_features_teach_their_arm_alone(store):
    other = score(0, NOON, random.Random(1)).model_copy(update={"feature_set": "ranker-v0@0123"})
    record(store, [("decisions", other), ("feedback", said("completed", to=other.chosen_id))])

    found = Fold(CONTEXTS).advance(store, LATER)["tone"]

    assert (found.linear, list(found.arms.values())) == (None, [(1, 1_000_000)])


def test_a_bad_definition_in_the_bucket_leaves_the_others(caplog):
    values = {"words": EXPERIMENTS["words"].model_dump_json().encode(), "bad": b"{}", "holdout": b'{"share": 0.1}'}

    writer = BeliefWriter(None, None, {"tone": EXPERIMENTS["tone"]}, None, 1.0)

    assert set(writer._contexts(BucketSnapshot("1", values, {}))) == {"tone", "words"}
    assert "bad: " in caplog.text


@pytest.mark.parametrize("bad", [b"", b"{}", b'{"key": "tone"}'])
def test_a_bad_definition_keeps_the_one_before(bad):
    """Else its beliefs would be folded no more, while the transformers still act by them."""
    writer = BeliefWriter(None, None, {}, None, 1.0)
    good = writer._contexts(BucketSnapshot("1", {"words": EXPERIMENTS["words"].model_dump_json().encode()}, {}))

    assert good
    assert writer._contexts(BucketSnapshot("2", {"words": bad}, {})) == good


# The keeper, as a process


class Keeper:
    """`python -m oo_consumers.beliefs` over a NATS and a store."""

    def __init__(self, server, store_url, folder):
        folder.mkdir(exist_ok=True)
        self.server, self.folder = server, folder
        self.environ = os.environ | {
            "OO_CONSUMER_NATS_URL": server.url,
            "OO_CONSUMER_STORE_URL": store_url,
            "OO_CONSUMER_EXPERIMENTS": str(folder),
            "OO_CONSUMER_BELIEFS_EVERY_MS": "100",
            "OO_CONSUMER_HOST": "127.0.0.1",
            "OO_CONSUMER_HTTP_PORT": str(free_port()),
        }
        self.process = None

    def another(self):
        """One more over the same."""
        return Keeper(self.server, self.environ["OO_CONSUMER_STORE_URL"], self.folder)

    def run(self, *words):
        command = [sys.executable, "-P", "-m", "oo_consumers.beliefs", *words]
        return subprocess.run(command, env=self.environ, capture_output=True, text=True, check=False, timeout=60)

    def start(self):
        self.process = subprocess.Popen([sys.executable, "-P", "-m", "oo_consumers.beliefs"], env=self.environ)

    def answers(self):
        """Whether its probes can be asked."""
        return listens(int(self.environ["OO_CONSUMER_HTTP_PORT"]))

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        return self.process.wait(20)


@pytest.fixture
def keeper(server, store_url, tmp_path):
    keeper = Keeper(server, store_url, tmp_path / "experiments")
    yield keeper
    if keeper.process is not None and keeper.process.poll() is None:
        keeper.stop()


def kept(server):
    """The beliefs in the bucket, by experiment."""
    values = server.values("beliefs")
    return {key: Beliefs.from_plain(json.loads(value)["beliefs"]).to_bytes() for key, value in values.items()}


def defines(server, *keys):
    for key in keys:
        server.put("experiments", key, EXPERIMENTS[key].model_dump_json().encode())


def published(server, events, headers=None):
    subjects = {"feedback": lambda event: f"feedback.{event.reaction}", "decisions": _decided}
    server.publish(*((subjects[source](event), event.encode(), headers) for source, event in events))


def _decided(event):
    return "decisions.generate" if event.event_id.startswith("g-") else "decisions.score"


@pytest.mark.real
def test_from_events_to_the_bucket_and_the_streams_give_the_same_bits(server, consumers, store, keeper, expected):
    published(server, random.Random(5).sample(PAST, len(PAST)), {"Status": "404"})  # which is no word of the server's
    keeper.start()
    assert eventually(lambda: store.counts()["generations"] == 60 and store.counts()["reactions"] > 0)
    defines(server, *EXPERIMENTS)

    assert eventually(lambda: kept(server) == expected[0], patience=30)
    done = keeper.run("rebuild")
    assert (done.returncode, done.stdout.count("the same")) == (0, 2), done.stdout + done.stderr


@pytest.mark.long
@pytest.mark.real
def test_a_killed_keeper_and_two_at_once_come_to_the_same(server, consumers, store, keeper, expected):
    half = len(PAST) // 2
    published(server, PAST[:half])
    keeper.start()
    second = keeper.another()
    second.start()
    try:
        assert eventually(lambda: store.counts()["generations"] > 0)
        defines(server, *EXPERIMENTS)
        assert eventually(lambda: kept(server))
        keeper.stop(signal.SIGKILL)
        published(server, PAST[half:])
        keeper.start()

        assert eventually(lambda: kept(server) == expected[0], patience=30)
        assert all(eventually(one.answers) for one in (second, keeper))  # one that still starts knows no signal yet
        assert (second.stop(), keeper.stop()) == (0, 0)
    finally:
        if second.process.poll() is None:
            second.stop(signal.SIGKILL)


@pytest.mark.long
@pytest.mark.real
def test_what_somebody_else_wrote_is_found_and_mended(server, consumers, store, keeper, expected):
    published(server, PAST)
    keeper.start()
    assert eventually(lambda: store.counts()["generations"] == 60)
    defines(server, "words")
    right = {"words": expected[0]["words"]}
    assert eventually(lambda: kept(server) == right, patience=30)  # of all reactions, and not of the first that came
    keeper.stop()
    value = json.loads(server.values("beliefs")["words"])
    value["beliefs"]["arms"]["v1"][1] += 1
    wrong = Beliefs.from_plain(value["beliefs"])
    server.put("beliefs", "words", json.dumps(value | {"digest": wrong.digest}).encode())

    done = keeper.run("rebuild")
    assert (done.returncode, "DIFFERENT" in done.stdout) == (1, True), done.stdout + done.stderr

    keeper.start()
    assert eventually(lambda: kept(server) == right)
    server.put("beliefs", "words", json.dumps(value).encode())  # with the digest of what is right
    assert eventually(lambda: kept(server) == right)


@pytest.mark.long
@pytest.mark.real
@pytest.mark.parametrize("value", [None, b"[" * 200_000], ids=["taken away", "no beliefs"])
def test_beliefs_that_somebody_spoiled_are_written_again(server, consumers, keeper, expected, value):
    published(server, PAST)
    keeper.start()
    defines(server, "words")
    right = {"words": expected[0]["words"]}
    assert eventually(lambda: kept(server) == right, patience=60)

    server.put("beliefs", "words", value)
    assert eventually(lambda: server.values("beliefs").get("words") not in {None, value})
    assert kept(server) == right


def test_a_bad_setting_is_refused_in_a_line(keeper, tmp_path):
    keeper.environ["OO_CONSUMER_EXPERIMENTS"] = str(tmp_path / "nowhere")
    done = keeper.run()
    assert (done.returncode, "OO_CONSUMER_EXPERIMENTS" in done.stderr) == (2, True)

    (tmp_path / "experiments" / "bad.toml").write_text("key = ")
    keeper.environ["OO_CONSUMER_EXPERIMENTS"] = str(tmp_path / "experiments")
    done = keeper.run()
    assert (done.returncode, "bad.toml" in done.stderr) == (2, True)
