"""Tips that nobody saw are no zeros: counted as such, four in ten of them spoil every estimate."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import numpy as np
import pytest
from oo_consumers.effect_store import Store
from oo_contracts.events import Feedback, ScoreDecision
from oo_contracts.reward_table import DEFAULT_REWARDS
from oo_decisions.round import Round
from oo_experiments.ope.estimators import ips
from oo_pipelines.ope.rounds_table import RoundsTable
from oo_pipelines.ope.store_rounds import rounds_table
from oo_pipelines.simulation.simulate import Simulation
from oo_pipelines.simulation.simulated_users import SimulatedUsers, truth

pytestmark = pytest.mark.long

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
RUNS = range(8)
UNSEEN = 0.4
REWARD = (
    2 * DEFAULT_REWARDS.values["completed"] + DEFAULT_REWARDS.values["clicked"]
) / 3  # of a tip that is taken up: two ways to one


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """(decisions, closed rounds, the true mean reward) of worlds in which four tips in ten are never shown."""
    found = []
    for seed in RUNS:
        world = SimulatedUsers(seed, 180, seen=1 - UNSEEN)
        events = [event for _, event in Simulation(world, NOW, 5).events()]
        store = Store.open(f"sqlite:///{tmp_path_factory.mktemp('unseen')}/effects.db")
        for kind, source in ((ScoreDecision, "decisions"), (Feedback, "feedback")):
            store.record_all(source, [event for event in events if isinstance(event, kind)])
        decisions = [event for event in events if isinstance(event, ScoreDecision)]
        found.append((decisions, list(store.rounds(NOW)), true_mean(world, decisions)))
        store.close()
    return found


def true_mean(world, decisions):
    """Of a round whose tip is drawn evenly, over the very sessions that there were."""
    people = {user.id: user for user in world.people()}
    chances = [
        [truth(people[one.user_id], one.decided_at, one.moment.tasks, task) for task in one.moment.tasks]
        for one in decisions
    ]
    return REWARD * math.fsum(math.fsum(each) / len(each) for each in chances) / len(chances)


def estimate(rounds):
    return ips(RoundsTable.of(rounds_table(rounds)).target("uniform").log).interval


def naive(decisions, rounds):
    """Every decision is a round, and one without a reaction earned nothing."""
    earned = {item.decision.request_id: item.reward for item in rounds}
    return [Round(one, earned.get(one.request_id, 0.0), one.decided_at, "v1") for one in decisions]


def test_unseen_tips_bias_only_who_counts_them_as_zeros(runs):
    errors = {"activated": [], "naive": []}
    for decisions, rounds, mean in runs:
        assert len(rounds) / len(decisions) == pytest.approx(1 - UNSEEN, abs=0.05)
        for name, taken in (("activated", rounds), ("naive", naive(decisions, rounds))):
            found = estimate(taken)
            errors[name].append((found.value - mean) / found.stderr)

    bias = {name: float(np.mean(values)) for name, values in errors.items()}  # in standard errors of one run
    print(f"\nbias in standard errors of a run: {bias}")
    assert abs(bias["activated"]) < 1
    assert bias["naive"] < -5
