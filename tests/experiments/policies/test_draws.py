"""A million draws are as frequent as their probabilities, for policies of every sort."""

from __future__ import annotations

from collections import Counter

import pytest
from oo_experiments.policies.action_set import ActionSet
from oo_experiments.policies.beliefs import Beliefs, Contribution
from oo_experiments.policies.policy import sample_index, uniform_from_key
from oo_experiments.policies.policy_registry import build_policy
from oo_experiments.statistics.quantiles import chi2_sf

pytestmark = pytest.mark.long

KEYS = 1_000_000
ROWS = [[0.1, 0.9], [0.8, 0.2], [0.5, 0.5], [0.9, 0.9], [0.3, 0.4]]
CHOICE = ActionSet([0.3, 0.1, 0.9, 0.2, 0.5], [True, True, True, False, True], 0, ["a", "b", "c", "a", "none"], ROWS)
KNOWN = Beliefs.from_contributions(
    Contribution(CHOICE.arms[number % 5], float(number % 7 < 3), tuple(ROWS[number % 5])) for number in range(40)
)


@pytest.fixture(scope="module")
def points():
    return [uniform_from_key(f"r-{number}") for number in range(KEYS)]


@pytest.mark.parametrize(
    ("kind", "parameters"),
    [
        ("epsilon_greedy", {"epsilon": 0.1}),
        ("softmax", {"temperature": 0.3}),
        ("squarecb", {"gamma": 20}),
        ("thompson", {}),
        ("lints", {"scale": 1}),
        ("ucb1", {"floor": 0.02}),
    ],
)
def test_a_million_draws_match_the_probabilities(kind, parameters, points):
    chances = build_policy(kind, parameters, KNOWN).probabilities(CHOICE)

    found = Counter(sample_index(chances, point) for point in points)

    expected = {place: chance * KEYS for place, chance in enumerate(chances) if chance > 0}
    chi2 = sum((found[place] - mean) ** 2 / mean for place, mean in expected.items())
    assert len(expected) > 1
    assert set(found) <= set(expected)
    assert chi2_sf(chi2, len(expected) - 1) > 1e-6


def test_rounding_never_draws_what_has_no_chance():
    assert sample_index((0.0, 0.1, 0.2, 0.0), 0.0) == 1
    assert sample_index((0.0, 0.1, 0.2, 0.0), 1 - 2**-53) == 2
