"""Experiments as a caller and the log see them: who acted, who only watched, and with which beliefs."""

from __future__ import annotations

import json
import time
from collections import Counter

import pytest
from example_experiments import NOW, experiment
from oo_contracts.events import GenerateDecision, ScoreDecision
from oo_contracts.score import ScoreRequest
from oo_contracts.score_call import ScoreCall
from oo_decisions.prompt_replay import prompt_differences
from oo_decisions.ranking_replay import ReplayModel, decision_differences
from oo_experiments.assignment.assignment import ActiveExperiments
from oo_experiments.assignment.experiment import Holdout
from oo_experiments.policies.beliefs import Beliefs, Contribution
from oo_experiments.policies.policy import EpsilonGreedy, UnknownPolicy
from oo_features.feature_sets import RANKER_V1
from oo_features.scaling import scale_row
from oo_serving.pace import Pace
from oo_transformers import metrics
from oo_transformers.degradation import PredictorUnavailable
from oo_transformers.scorer import Scorer
from pydantic import ValidationError

TASKS = [{"id": f"t-{number}", "content": "x", "priority": 1 + number % 4} for number in range(5)]
ASK = {"user_id": "u-1", "tasks": TASKS, "profile_features": {"completion_rate_30d": 0.4}}
PLACES = ReplayModel(None, lambda rows: tuple(place / 10 for place in range(len(rows))))  # what the fake predictor says
KINDS = ("greedy", "softmax", "squarecb", "thompson", "ucb1", "linucb", "lints")
VERSIONS = ("v1", "v2")


def taught(arms=("task", "v1", "v2")):
    context = scale_row(RANKER_V1, [item.fallback for item in RANKER_V1.features])
    rewards = {arm: place / len(arms) for place, arm in enumerate(arms, start=1)}
    return Beliefs().add(*(Contribution(arm, reward, context) for arm, reward in rewards.items() for _ in range(20)))


def policy(kind):
    return {"kind": kind} | ({"floor": 0.02} if kind != "greedy" else {})


async def scored(fakes, **more):
    reply = (await fakes.post("/score", ASK | more)).json()
    return reply, ScoreDecision.read(fakes.outbox.events[-1][1])


async def generated(fakes, **more):
    reply = (await fakes.post("/generate", {"user_id": "u-1", "tasks": TASKS, "prompt_version": "auto"} | more)).json()
    return reply, GenerateDecision.model_validate_json(fakes.outbox.events[-1][1])


@pytest.mark.parametrize("kind", KINDS)
async def test_every_policy_acts_and_its_round_replays_bit_for_bit(fakes, kind):
    fakes.running = ActiveExperiments((experiment("tone", policy(kind)),), beliefs={"tone": taught()})

    for number in range(20):
        reply, event = await scored(fakes, request_id=f"r-{number}")
        assert reply["experiment"] == {"key": "tone", "variant": "only"}
        assert reply["policy"]["name"] == kind
        assert decision_differences(event, RANKER_V1, PLACES) == []


async def test_the_event_says_the_weights_in_force_and_what_was_believed(fakes):
    beliefs = taught()
    fakes.running = ActiveExperiments(
        (experiment("tone", policy("thompson"), coverage=0.99),), beliefs={"tone": beliefs}
    )

    _, event = await scored(fakes)

    facts = {"mode": "active", "unit": "user", "coverage": 0.99, "weights": {"only": 1.0}}
    assert event.assignment.model_dump() == facts
    assert Beliefs.from_plain(event.beliefs) == beliefs


async def test_a_changed_belief_in_the_log_is_found(fakes):
    fakes.running = ActiveExperiments((experiment("tone", policy("thompson")),), beliefs={"tone": taught()})
    _, event = await scored(fakes)
    event.beliefs["arms"]["v1"][1] += 1  # an arm of no candidate: no chance follows from it

    assert [item.what for item in decision_differences(event, RANKER_V1, PLACES)] == ["seal of beliefs"]


@pytest.mark.parametrize(("mode", "acting"), [("shadow", "epsilon-greedy"), ("apprentice", "baseline")])
async def test_what_does_not_act_is_logged_with_its_chances(fakes, mode, acting):
    only = experiment("tone", policy("squarecb"), mode, shadows=[policy("linucb"), policy("thompson")])
    fakes.running = ActiveExperiments((only,), beliefs={"tone": taught()})

    reply, event = await scored(fakes)

    assert (reply["policy"]["name"], event.assignment.mode) == (acting, mode)
    assert [item.policy.name for item in event.shadows] == ["squarecb", "linucb", "thompson"]
    assert all(sum(item.propensities) == pytest.approx(1) for item in event.shadows)
    assert decision_differences(event, RANKER_V1, PLACES) == []
    assert mode != "apprentice" or (reply["chosen"], event.propensity) == ("t-0", 1.0)


async def test_nothing_to_choose_from_is_no_matter_for_shadows(fakes):
    fakes.running = ActiveExperiments((experiment("tone", shadows=[policy("thompson"), policy("linucb")]),))

    reply, event = await scored(fakes, candidates=[{"id": "t-0", "task_id": "t-0", "eligible": False}])

    assert reply["chosen"] is None
    assert [item.propensities for item in event.shadows] == [(0.0,), (0.0,)]
    assert decision_differences(event, RANKER_V1, PLACES) == []


async def test_none_is_a_candidate_like_others(fakes):
    fakes.running = ActiveExperiments(
        (experiment("tone", policy("thompson")),), beliefs={"tone": taught(("none", "task"))}
    )
    candidates = [{"id": "nothing", "kind": "none"}, {"id": "t-0", "task_id": "t-0"}]

    chosen = Counter(
        [(await scored(fakes, candidates=candidates, request_id=f"r-{n}"))[0]["chosen"] for n in range(99)]
    )

    assert set(chosen) == {"nothing", "t-0"}
    assert chosen["t-0"] > chosen["nothing"]


async def test_beliefs_about_other_rows_are_none_about_ours(fakes):
    """As while a version with another feature set rolls out."""
    other = Beliefs().add(Contribution("task", 1.0, (0.5, 0.5)))
    fakes.running = ActiveExperiments((experiment("tone", policy("linucb")),), beliefs={"tone": other})
    before = metrics.UNUSABLE.labels("beliefs")._value.get()

    reply, event = await scored(fakes)

    assert (reply["degraded"], reply["policy"]["name"]) == (None, "linucb")
    assert Beliefs.from_plain(event.beliefs) == Beliefs()
    assert metrics.UNUSABLE.labels("beliefs")._value.get() == before + 1


async def test_who_is_held_out_gets_the_baseline_everywhere(fakes):
    fakes.running = ActiveExperiments((experiment("tone"), words()), Holdout(share=1.0), {"words": taught()})

    reply, event = await scored(fakes)
    tip, drawn = await generated(fakes)

    assert (reply["policy"]["name"], reply["chosen"]) == ("baseline", "t-0")
    assert reply["experiment"] == {"key": "holdout", "variant": "baseline"}
    assert (tip["prompt_version"], tip["prompt_propensity"]) == ("v1", 1.0)
    assert event.assignment.mode == drawn.draw.assignment.mode == "holdout"


async def test_a_degraded_round_is_in_no_experiment(fakes):
    fakes.running = ActiveExperiments((experiment("tone"),))
    fakes.predictor.failure = PredictorUnavailable("down")

    reply, event = await scored(fakes)

    assert (reply["experiment"], event.assignment, reply["degraded"]) == (None, None, "predictor")


# Prompt versions as arms


def words(kind="thompson", mode="active", **other):
    return experiment("words", policy(kind), mode, about="prompts", prompts=list(VERSIONS), **other)


async def test_a_version_is_drawn_and_its_chance_is_in_the_reply_and_in_the_log(fakes):
    fakes.running = ActiveExperiments((words(),), beliefs={"words": taught()})

    reply, event = await generated(fakes, candidate_propensity=0.25)

    draw = event.draw
    assert reply["prompt_version"] == event.prompt_version in VERSIONS
    assert reply["prompt_propensity"] == draw.propensity == draw.propensities[VERSIONS.index(event.prompt_version)]
    assert (draw.versions, draw.policy.name, draw.experiment.key) == (VERSIONS, "thompson", "words")
    assert (draw.candidate_propensity, draw.joint_propensity) == (0.25, 0.25 * draw.propensity)
    assert sum(draw.propensities) == pytest.approx(1)
    assert prompt_differences(event) == []


@pytest.mark.parametrize(
    ("other", "what"),
    [
        ({"propensity": 0.5000000001}, ["propensity of the prompt version"]),
        ({"joint_propensity": 0.1}, ["joint propensity"]),
        ({"propensities": (0.5, 0.5)}, ["propensities of prompt versions"]),
        ({"default": "v2"}, ["seal of default"]),  # the baseline, which Thompson does not look at
        ({"candidate_propensity": 0.5}, ["joint propensity", "seal of candidate_propensity"]),
        ({"assignment": None}, ["seal of assignment"]),
    ],
)
async def test_a_changed_draw_in_the_log_is_found(fakes, other, what):
    fakes.running = ActiveExperiments((words(shadows=[policy("softmax")]),), beliefs={"words": taught()})
    _, event = await generated(fakes, candidate_propensity=0.25)

    found = [
        item.what for item in prompt_differences(event.model_copy(update={"draw": event.draw.model_copy(update=other)}))
    ]

    assert found == what


async def test_every_flipped_bit_of_a_drawn_tip_is_found(fakes):
    """But those that leave the event what it was, or make it none, or take its seals away, which replay counts."""
    fakes.running = ActiveExperiments((words("uniform", shadows=[policy("softmax")]),))
    _, event = await generated(fakes, candidate_propensity=0.25)
    text = event.model_dump_json().encode()

    events = [found for place in range(len(text)) for bit in range(8) if (found := flipped(text, place, bit))]

    assert len(events) > len(text)
    assert [found for found in events if found != event and found.seals and not differs(found)] == []


def flipped(text, place, bit):
    """The event with one bit changed; None when it is no event any more."""
    changed = bytearray(text)
    changed[place] ^= 1 << bit
    try:
        return GenerateDecision.model_validate_json(bytes(changed))
    except ValidationError:
        return None


def differs(event):
    try:
        return prompt_differences(event)
    except UnknownPolicy:
        return True


async def test_a_draw_that_is_gone_from_the_log_is_found(fakes):
    fakes.running = ActiveExperiments((words(),), beliefs={"words": taught()})
    _, event = await generated(fakes)

    found = {item.what for item in prompt_differences(event.model_copy(update={"draw": None}))}

    assert {"seal of default", "seal of policy", "seal of versions"} <= found


@pytest.mark.long
async def test_versions_are_drawn_as_often_as_their_chances_say(fakes):
    fakes.running = ActiveExperiments((words(),), beliefs={"words": taught()})

    found = [(await generated(fakes, request_id=f"r-{number}"))[1] for number in range(1_000)]

    chance = found[0].draw.propensities[1]
    often = sum(item.prompt_version == "v2" for item in found) / len(found)
    assert 0.5 < chance < 0.99
    assert often == pytest.approx(chance, abs=5 * (chance * (1 - chance) / len(found)) ** 0.5)


async def test_what_the_call_or_the_deployment_names_is_no_draw(fakes):
    fakes.running, fakes.default_prompt = ActiveExperiments((words(),)), "v2"

    for named, version in ({"prompt_version": "v1"}, "v1"), ({"prompt_version": None}, "v2"):
        reply, event = await generated(fakes, **named)
        assert (reply["prompt_version"], reply["prompt_propensity"], event.draw) == (version, None, None)


async def test_without_an_experiment_auto_is_the_default(fakes):
    fakes.default_prompt = "v2"

    reply, event = await generated(fakes)

    assert (reply["prompt_version"], reply["prompt_propensity"]) == ("v2", 1.0)
    assert (event.draw.experiment, event.draw.versions, event.draw.policy.name) == (None, ("v2",), "baseline")


@pytest.mark.parametrize("mode", ["shadow", "apprentice"])
async def test_a_policy_of_versions_may_only_watch(fakes, mode):
    fakes.running, fakes.default_prompt = ActiveExperiments((words(mode=mode),), beliefs={"words": taught()}), "v2"

    reply, event = await generated(fakes)

    assert (reply["prompt_version"], reply["prompt_propensity"]) == ("v2", 1.0)
    (watched,) = event.draw.shadows
    assert prompt_differences(event) == []
    assert (watched.policy.name, len(watched.propensities)) == ("thompson", 2)


@pytest.mark.long
async def test_candidate_and_version_are_drawn_apart(fakes):
    """By one number both would be: then p(candidate) · p(version) would not be the chance of the pair."""
    fakes.running = ActiveExperiments((experiment("tone", {"kind": "uniform"}), words()))

    pairs = Counter()
    for number in range(600):
        reply, _ = await scored(fakes, request_id=f"r-{number}", tasks=TASKS[:2])
        tip, _ = await generated(fakes, request_id=f"r-{number}")
        pairs[reply["chosen"], tip["prompt_version"]] += 1

    assert all(
        pairs[chosen, version] == pytest.approx(150, abs=50) for chosen in ("t-0", "t-1") for version in VERSIONS
    )


async def test_auto_in_a_candidate_leaves_its_arm_to_its_kind(fakes):
    fakes.running = ActiveExperiments((experiment("tone", policy("thompson")),), beliefs={"tone": taught(("task",))})

    _, event = await scored(fakes, candidates=[{"id": "c", "task_id": "t-0", "prompt_version": "auto"}])

    assert event.candidates[0].prompt_version == "auto"
    assert decision_differences(event, RANKER_V1, PLACES) == []


# Cost


class Nowhere:
    def put(self, subject, event, sender):
        """Events are made, and go nowhere."""
        event.encode()


async def test_five_shadow_policies_cost_little(fakes):
    """Together with the event that logs them, against the same rounds without: a ratio, of the best of many turns."""
    five = [policy(kind) for kind in ("softmax", "squarecb", "greedy", "thompson", "ucb1")]
    ask = ScoreCall.from_request(ScoreRequest.model_validate_json(json.dumps(ASK)))

    def scorer(*shadows):
        running = ActiveExperiments(
            (experiment("tone", policy("squarecb"), shadows=list(shadows)),), beliefs={"tone": taught()}
        )
        return Scorer(RANKER_V1, fakes.predictor, EpsilonGreedy(0.1), lambda: running, Nowhere(), lambda: NOW)

    async def seconds(of):
        start = time.process_time()
        for _ in range(40):
            await (await of(ask, {}, Pace())).publish("u-1", Pace())
        return time.process_time() - start

    with_, without = scorer(*five), scorer()
    turns = [(await seconds(with_), await seconds(without)) for _ in range(15)]
    ratio = min(turn[0] for turn in turns) / min(turn[1] for turn in turns)

    print(f"\nfive shadow policies: {ratio:.2f} of the time without")
    assert ratio < 2
