"""Our own rounds as a log: what policies would have earned on them, by hand and by the command."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from example_events import a_decision
from oo_consumers.effect_store import Store
from oo_contracts.events import DecidedCandidate, Feedback, ScoreDecision, ShadowPropensities
from oo_contracts.score import NO_MODEL, ModelInfo, PolicyInfo
from oo_decisions.round import Round
from oo_experiments.ope.log import BadLog
from oo_pipelines.ope import store_rounds
from oo_pipelines.ope.columns import read_table
from oo_pipelines.ope.evaluation import EstimatorParameters, evaluate
from oo_pipelines.ope.rounds_table import RoundsTable
from oo_pipelines.ope.store_rounds import rounds_table, rounds_with_target
from oo_pipelines.simulation.simulate import Simulation
from oo_pipelines.simulation.simulated_users import SimulatedUsers
from ope_command import evaluated, run_ope

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SHADOW = PolicyInfo(name="epsilon-greedy", version="0.1")


def a_round(request="r-1", shadows=(), reward=1.0):
    """Of three candidates the first is not eligible; the last was chosen in 1 round of 4, and is the best-valued."""
    candidates = tuple(
        DecidedCandidate(id=name, kind="tip", row=(1.0,), eligible=able, value=value, propensity=chance)
        for name, able, value, chance in (("a", False, 0.9, 0.0), ("b", True, 0.2, 0.75), ("c", True, 0.4, 0.25))
    )
    facts = {"candidates": candidates, "chosen_id": "c", "propensity": 0.25, "baseline_id": "b", "shadows": shadows}
    decision = a_decision(request).model_copy(update=facts)
    return Round(decision, reward, decision.decided_at, "v1")


def test_a_round_is_a_row_of_its_eligible_candidates():
    (row,) = rounds_table([a_round()]).to_pylist()

    assert row == {
        "request_id": "r-1",
        "user_id": "u-1",
        "action": 1,
        "n_actions": 2,
        "propensity": 0.25,
        "reward": 1.0,
        "target_logged": 0.25,
        "target_logged_0": 0.75,
        "target_logged_1": 0.25,
        "target_uniform": 0.5,
        "target_uniform_0": 0.5,
        "target_uniform_1": 0.5,
        "target_greedy": 1.0,
        "target_greedy_0": 0.0,
        "target_greedy_1": 1.0,
        "target_baseline": 0.0,
        "target_baseline_0": 1.0,
        "target_baseline_1": 0.0,
        "predicted_0": 0.2,
        "predicted_1": 0.4,
    }


def test_rounds_without_a_shadow_do_not_know_it():
    asked = ShadowPropensities(policy=SHADOW, propensities=(0.0, 0.05, 0.95))
    table = rounds_table([a_round("r-1"), a_round("r-2", (asked,))])

    rounds = RoundsTable.of(rounds_with_target(table, "epsilon-greedy-0.1"))

    assert rounds.target("epsilon-greedy-0.1").log.target.tolist() == [0.95]
    assert rounds.target("epsilon-greedy-0.1").lacking is None
    assert rounds_with_target(table, "uniform").num_rows == 2
    with pytest.raises(BadLog, match=r"column target_epsilon-greedy-0.1, row 1 is empty"):
        RoundsTable.of(table).target("epsilon-greedy-0.1")


def unjudged(request):
    found = a_round(request)
    return replace(found, decision=found.decision.model_copy(update={"model": NO_MODEL}))


def test_a_round_that_no_model_judged_has_no_predictions_and_no_greedy():
    (row,) = rounds_table([unjudged("r-1")]).to_pylist()
    table = rounds_table([unjudged("r-1"), a_round("r-2"), a_round("r-3")])

    greedy = RoundsTable.of(rounds_with_target(table, "greedy")).target("greedy")
    uniform = RoundsTable.of(rounds_with_target(table, "uniform")).target("uniform")

    assert not [name for name in row if "greedy" in name or "predicted" in name]
    assert (greedy.log.target.tolist(), greedy.lacking) == ([1.0, 1.0], None)
    assert (len(uniform.log), uniform.lacking) == (3, "1 of 3 rounds have no predicted_ cell, the first in row 1")
    with pytest.raises(BadLog, match="no model judged a closed round yet"):
        rounds_with_target(rounds_table([unjudged("r-1")]), "greedy")


@pytest.mark.parametrize("target", ["baseline", "greedy", "uniform", "logged"])
def test_a_first_judged_round_among_simulated_ones_of_more_candidates(target):
    judged = a_round("r-9")
    alone = (judged.decision.candidates[2].model_copy(update={"propensity": 1.0}),)
    facts = {"candidates": alone, "propensity": 1.0, "baseline_id": "c"}
    judged = replace(judged, decision=judged.decision.model_copy(update=facts))
    table = rounds_table([*(unjudged(f"r-{number}") for number in range(5)), judged])

    evaluation = evaluate(
        RoundsTable.of(rounds_with_target(table, target)), target, ("snips", "dr"), EstimatorParameters(), strict=False
    )

    assert evaluation.rounds == (1 if target == "greedy" else 6)
    assert evaluation.not_computed.get("dr", "").startswith("5 of 6 rounds" if target != "greedy" else "")
    assert evaluation.verdict.label == "not evaluable"


def test_many_rounds_are_one_table(monkeypatch):
    asked = ShadowPropensities(policy=SHADOW, propensities=(0.0, 0.05, 0.95))
    rounds = [unjudged("r-0"), a_round("r-1"), a_round("r-2", (asked,)), unjudged("r-3"), a_round("r-4")]
    whole = rounds_table(rounds).to_pylist()

    monkeypatch.setattr(store_rounds, "CHUNK_ROWS", 2)

    assert rounds_table(rounds).to_pylist() == whole
    assert [row["target_greedy"] for row in whole] == [None, 1.0, 1.0, None, 1.0]


def test_without_rounds_there_is_no_log():
    with pytest.raises(BadLog, match="no closed round"):
        rounds_table([])


@pytest.fixture(scope="module")
def past(tmp_path_factory):
    """A store of a simulated past as if a model had judged it; each second decision asked a shadow policy."""
    url = f"sqlite:///{tmp_path_factory.mktemp('past')}/effects.db"
    store = Store.open(url)
    events = [event for _, event in Simulation(SimulatedUsers(1, 120), NOW, 4).events()]
    model = {"model": ModelInfo(name="tip-ranker", version="1")}
    decisions = [event.model_copy(update=model) for event in events if isinstance(event, ScoreDecision)]
    store.record_all("decisions", [_shadowed(one) if at % 2 else one for at, one in enumerate(decisions)])
    store.record_all("feedback", [event for event in events if isinstance(event, Feedback)])
    yield url, list(store.rounds(datetime.now(UTC)))
    store.close()


def _shadowed(decision):
    """It would always have taken the last."""
    chances = tuple(float(one is decision.candidates[-1]) for one in decision.candidates)
    return decision.model_copy(update={"shadows": (ShadowPropensities(policy=SHADOW, propensities=chances),)})


def test_the_command_evaluates_the_stores_rounds(past):
    url, rounds = past

    found = evaluated("--store-url", url, "--target", "baseline")

    weights = [(one.decision.chosen_id == one.decision.baseline_id) / one.decision.propensity for one in rounds]
    by_hand = sum(w * one.reward for w, one in zip(weights, rounds, strict=True)) / len(rounds)
    values = {item["estimator"]: item["value"] for item in found["estimates"]}
    assert values["ips"] == pytest.approx(by_hand, rel=1e-9)
    assert set(values) == {"ips", "snips", "dm", "dr", "switch_dr", "dros"}
    assert (found["rounds"], found["set_aside"], found["verdict"]) == (len(rounds), 0, "evaluable")


def test_since_leaves_older_rounds_out(past):
    url, rounds = past
    begin = rounds[len(rounds) // 2].decision.decided_at

    found = evaluated("--store-url", url, "--target", "uniform", "--since", begin.isoformat())

    assert found["rounds"] == sum(one.decision.decided_at >= begin for one in rounds) < len(rounds)


def test_rounds_that_did_not_ask_a_shadow_are_set_aside_and_counted(past):
    url, rounds = past
    asked = [one for one in rounds if one.decision.shadows]

    found = evaluated("--store-url", url, "--target", "epsilon-greedy-0.1")

    assert 0 < len(asked) < len(rounds)
    assert (found["rounds"], found["set_aside"]) == (len(asked), len(rounds) - len(asked))
    assert "set aside: " in run_ope("--store-url", url, "--target", "epsilon-greedy-0.1").stdout


def test_an_export_says_what_the_store_says(past, tmp_path):
    url, rounds = past
    path = tmp_path / "log.parquet"

    done = run_ope("--store-url", url, "--export", path)

    assert done.exit_code == 0, done.output
    assert f"{len(rounds)} closed rounds" in done.stdout
    for target in ("baseline", "uniform", "greedy", "logged"):
        assert evaluated(path, "--target", target) == evaluated("--store-url", url, "--target", target)
    known = {"logged", "uniform", "greedy", "baseline", "epsilon-greedy-0.1"}
    assert set(RoundsTable.of(read_table(path)).targets) == known


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ((), "--target"),
        (("--target", "uniform", "--export", "x"), "--export alone"),
        (("log.csv", "--export", "x"), "--export alone"),
        (("log.csv", "--target", "uniform", "--since", "1d"), "--since is of the stack's rounds"),
        (("--target", "uniform", "--store-url", "sqlite://", "--since", "soon"), "--since: soon is not like 7d"),
        (("--target", "uniform", "--data", "nowhere"), "there has never been a stack on nowhere"),
        (("--target", "uniform", "--store-url", "sqlite:///nowhere/none.db"), "unable to open database"),
    ],
)
def test_what_cannot_be_is_refused(words, text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    done = run_ope(*words)

    assert (done.exit_code, done.stdout) == (2, "")
    assert text in done.stderr


def test_an_unknown_target_is_refused_with_the_known_ones(past):
    done = run_ope("--store-url", past[0], "--target", "nobody")

    assert done.exit_code == 2
    assert "known are logged, uniform, greedy, baseline, epsilon-greedy-0.1" in done.stderr


def test_an_export_that_cannot_be_written_is_refused(past, tmp_path):
    done = run_ope("--store-url", past[0], "--export", tmp_path / "no" / "log.parquet")

    assert done.exit_code == 2
    assert "cannot be written" in done.stderr
