"""Linear policies against plain linear algebra, and against draws of coefficients."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest
from oo_experiments.policies.action_set import ActionSet
from oo_experiments.policies.beliefs import FIXED_POINT_UNIT, BadBeliefs, Beliefs, Contribution
from oo_experiments.policies.linear import LinTS, LinUCB, normal_draws, ridge_regression
from scipy import stats

LENGTH = 24


def learned(rounds, seed=0):
    draw = np.random.default_rng(seed)
    rows, earned = (
        draw.integers(0, FIXED_POINT_UNIT + 1, (rounds, LENGTH)) / FIXED_POINT_UNIT,
        draw.integers(-1, 2, rounds),
    )
    parts = [Contribution("a", float(reward), tuple(row)) for row, reward in zip(rows.tolist(), earned, strict=True)]
    return np.column_stack([np.ones(rounds), rows]), earned, Beliefs.from_contributions(parts)


def choice(seed, candidates=10):
    draw = np.random.default_rng(seed)
    rows = draw.integers(0, FIXED_POINT_UNIT + 1, (candidates, LENGTH)) / FIXED_POINT_UNIT
    eligible = (draw.random(candidates) < 0.8).tolist()
    return ActionSet([0.0] * candidates, eligible, None, (), rows.tolist())


def rows_of(of):
    return np.column_stack([np.ones(len(of.eligible_indices)), np.array(of.contexts)[of.eligible_indices]])


@pytest.mark.parametrize("rounds", [1, 10, 3000])
@pytest.mark.parametrize("ridge", [0.1, 1.0, 30.0])
def test_coefficients_and_widths_are_those_of_linear_algebra(rounds, ridge):
    x, earned, known = learned(rounds)
    a = x.T @ x + ridge * np.eye(LENGTH + 1)
    seen = rows_of(choice(1))

    fit = ridge_regression(known.linear, LENGTH + 1, ridge)

    np.testing.assert_allclose(fit.coefficients, np.linalg.solve(a, x.T @ earned), rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(
        (fit.whitened(seen) ** 2).sum(axis=1), np.einsum("ij,jk,ik->i", seen, np.linalg.inv(a), seen), rtol=1e-8
    )


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("alpha", [0.0, 0.5, 5.0])
def test_linucb_takes_the_largest_upper_bound(alpha, seed):
    x, earned, known = learned(200, seed)
    a = x.T @ x + 2 * np.eye(LENGTH + 1)
    of = choice(seed)
    seen = rows_of(of)
    bound = seen @ np.linalg.solve(a, x.T @ earned) + alpha * np.sqrt((seen @ np.linalg.inv(a) * seen).sum(axis=1))

    chances = LinUCB(known, alpha, 2.0).probabilities(of)

    assert chances.index(1.0) == of.eligible_indices[int(bound.argmax())]
    assert sum(chances) == 1


@pytest.mark.parametrize("seed", range(3))
def test_lints_of_many_draws_is_thompson_sampling(seed):
    x, earned, known = learned(100, seed)
    a = x.T @ x + np.eye(LENGTH + 1)
    of = choice(seed)
    draws = np.random.default_rng(seed).multivariate_normal(
        np.linalg.solve(a, x.T @ earned), 0.7**2 * np.linalg.inv(a), 100_000
    )
    found = np.bincount((draws @ rows_of(of).T).argmax(axis=1), minlength=len(of.eligible_indices)) / 100_000

    chances = LinTS(known, 0.7, draws=100_000).probabilities(of)

    assert np.abs(np.array(chances)[of.eligible_indices] - found).max() < 0.01  # six standard errors of either at most


def test_lints_without_beliefs_shows_alike_what_looks_alike():
    chances = LinTS(Beliefs(), draws=20_000).probabilities(ActionSet([0.0] * 2, [True] * 2, None, (), [[1, 0], [0, 1]]))

    assert chances == pytest.approx((0.5, 0.5), abs=0.015)


def test_the_draws_are_standard_normal_and_another_seed_has_others():
    drawn = normal_draws(25, 4000, 0)

    assert drawn.shape == (25, 4000)
    assert stats.kstest(drawn[:, :2000].ravel(), "norm").pvalue > 1e-3
    assert np.abs(np.corrcoef(drawn) - np.eye(25)).max() < 0.12
    assert drawn.sum(axis=1) == pytest.approx(np.zeros(25), abs=1e-9)
    assert not np.isin(normal_draws(25, 4000, 1), drawn).any()


def test_the_draws_stay_those_that_logs_were_made_with():
    assert hashlib.sha256(normal_draws(5, 200, 3).round(9).tobytes()).hexdigest()[:16] == "09ce7e3f0d692159"


def test_contexts_of_another_length_are_refused():
    with pytest.raises(BadBeliefs, match="contexts of 24 values do not go with contexts of 2"):
        LinUCB(learned(10)[2]).probabilities(ActionSet([0.0], [True], None, (), [[0.1, 0.2]]))


def test_beliefs_that_lack_what_was_removed_are_refused():
    short = Beliefs().remove(Contribution("a", 0.0, (1.0,)))

    with pytest.raises(BadBeliefs, match="lack rounds"):
        LinUCB(short).probabilities(ActionSet([0.0], [True], None, (), [[0.5]]))


def test_a_choice_without_contexts_is_refused():
    with pytest.raises(ValueError, match="2 candidates have 0 contexts"):
        LinTS(Beliefs()).probabilities(ActionSet.all_eligible(0.1, 0.2))


PROBE = """
import numpy as np
from oo_experiments.policies.beliefs import Beliefs, Contribution
from oo_experiments.policies.action_set import ActionSet
from oo_experiments.policies.policy_registry import build_policy
rows = np.random.default_rng(0).random((20000, 24)).tolist()
parts = (Contribution(f"a{n % 4}", float(n % 3 == 0), tuple(row)) for n, row in enumerate(rows))
known = Beliefs.from_contributions(parts)
actions = ActionSet([0.0] * 8, [True] * 8, 0, [f"a{n % 4}" for n in range(8)], rows[:8])
policies = (build_policy(kind, {}, known) for kind in ("thompson", "linucb", "lints"))
print(known.digest, *(policy.probabilities(actions) for policy in policies))
"""


def test_neither_beliefs_nor_chances_depend_on_threads():
    said = {
        subprocess.run(
            [sys.executable, "-P", "-c", PROBE],
            env={**os.environ, "OPENBLAS_NUM_THREADS": threads},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for threads in ("1", "2", "4")
    }

    assert len(said) == 1
