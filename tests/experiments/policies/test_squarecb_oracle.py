"""VowpalWabbit's --squarecb on contexts of a model that learns as it goes: its chances are ours, of its own costs."""

from __future__ import annotations

import numpy as np
import pytest
from oo_experiments.policies.action_set import ActionSet
from oo_experiments.policies.squarecb import SquareCB

pytest.importorskip("vowpalwabbit", reason="an oracle that `make .venv/extras` installs")
from vowpalwabbit import Workspace

CONTEXTS, WIDTH, SCALE = 1000, 4, 10
CONSTANT = 11650396  # where VowpalWabbit hashes its intercept to


@pytest.fixture
def explorer():
    with Workspace(f"--quiet --cb_explore_adf --cb_type mtr --squarecb --gamma_scale {SCALE}") as opened:
        yield opened


@pytest.fixture
def predictor():
    """The same regression without exploration, whose predictions are costs."""
    with Workspace("--quiet --cb_adf --cb_type mtr") as opened:
        yield opened


def lines(rows, labels=None):
    words = (" ".join(f"f{column}:{value:.6f}" for column, value in enumerate(row)) for row in rows)
    return [f"{(labels or {}).get(place, '')} | {word}" for place, word in enumerate(words)]


def copy_weights(source, target):
    namespace = source.hash_space(" ")
    for place in (CONSTANT, *(source.hash_feature(f"f{column}", namespace) for column in range(WIDTH))):
        target.set_weight(place, 0, source.get_weight(place))


def test_the_chances_are_vowpal_wabbits_on_1000_contexts(explorer, predictor):
    rng = np.random.default_rng(11)
    apart, peaks = [], []

    for learned in range(CONTEXTS):
        rows = rng.random((rng.integers(2, 11), WIDTH))
        copy_weights(explorer, predictor)
        theirs, costs = explorer.predict(lines(rows)), predictor.predict(lines(rows))
        ours = SquareCB(SCALE * learned**0.5).probabilities(ActionSet.all_eligible(*(-cost for cost in costs)))
        apart.append(np.abs(np.subtract(ours, theirs)).max())
        peaks.append(max(ours) * len(rows))
        chosen = rng.choice(len(rows), p=ours)
        cost = -float(rng.random() < rows[chosen, 0])
        explorer.learn(lines(rows, {chosen: f"0:{cost}:{ours[chosen]}"}))

    assert max(apart) < 1e-6
    assert np.median(peaks) > 2  # half of them are far from uniform
