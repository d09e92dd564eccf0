"""Beliefs are exact: neither order, nor pieces, nor corrections change a bit of them."""

from __future__ import annotations

import json
import random
from functools import reduce
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oo_experiments.policies.beliefs import FIXED_POINT_UNIT, MICRO, BadBeliefs, Beliefs, Contribution

rewards = st.floats(-8, 8)
contexts = st.none() | st.tuples(*[st.floats(-0.5, 1.5)] * 3)
contributions = st.builds(Contribution, st.sampled_from(["v1", "v2", "none"]), rewards, contexts)


def applied(steps):
    return reduce(lambda known, step: getattr(known, step[0])(step[1]), steps, Beliefs())


@given(rounds=st.lists(contributions, max_size=12), data=st.data())
def test_any_order_of_arrival_gives_the_same_bytes(rounds, data):
    arrived = data.draw(st.permutations(rounds))

    assert applied(("add", part) for part in arrived).to_bytes() == Beliefs.from_contributions(rounds).to_bytes()


@given(rounds=st.lists(st.tuples(contributions, st.none() | rewards), max_size=8), data=st.data())
def test_late_reactions_give_what_they_would_have_given_in_time(rounds, data):
    """Each round may be corrected once; its three steps come at any times, also the removal first."""
    late = [
        (part if reward is None else Contribution(part.arm, reward, part.context), part, reward is not None)
        for part, reward in rounds
    ]
    steps = [("add", final) for final, _, _ in late]
    steps += [(step, part) for _, part, corrected in late if corrected for step in ("add", "remove")]

    known = applied(data.draw(st.permutations(steps)))

    assert known.to_bytes() == Beliefs.from_contributions(final for final, _, _ in late).to_bytes()


@given(rounds=st.lists(contributions, max_size=8))
def test_bytes_read_back_as_the_same_beliefs(rounds):
    known = Beliefs.from_contributions(rounds)

    read = Beliefs.from_bytes(known.to_bytes())

    assert (read, read.to_bytes(), read.digest) == (known, known.to_bytes(), known.digest)
    assert json.loads(known.to_bytes()) == known.to_plain()


def made(count, seed, length=24):
    draw = np.random.default_rng(seed)
    rows = draw.random((count, length)).tolist()
    earned = draw.choice([-1.0, 0.0, 0.3, 1.0], count).tolist()
    return [Contribution(f"a{place % 7}", earned[place], tuple(rows[place])) for place in range(count)]


def test_100_000_rounds_in_pieces_and_merged_are_the_same_to_the_bit():
    rounds = made(100_000, seed=5, length=8)
    cuts = [0, *sorted(random.Random(3).sample(range(100_000), 9)), 100_000]
    pieces = [Beliefs.from_contributions(rounds[start:end]) for start, end in pairwise(cuts)]

    whole = Beliefs.from_contributions(rounds)

    assert reduce(Beliefs.merge, pieces).to_bytes() == whole.to_bytes()
    assert reduce(Beliefs.merge, reversed(pieces)).to_bytes() == whole.to_bytes()
    assert whole.linear.rounds == sum(rounds for rounds, _ in whole.arms.values()) == 100_000


def test_sums_are_those_of_whole_numbers():
    rounds = made(500, seed=8)

    known = Beliefs.from_contributions(rounds)

    x = [[FIXED_POINT_UNIT, *(round(value * FIXED_POINT_UNIT) for value in part.context)] for part in rounds]
    r = [round(part.reward * MICRO) for part in rounds]
    gram = [sum(row[i] * row[j] for row in x) for i in range(25) for j in range(i, 25)]
    assert known.linear.gram == tuple(gram)
    assert known.linear.reward_sums == tuple(
        sum(row[i] * reward for row, reward in zip(x, r, strict=True)) for i in range(25)
    )
    assert known.arms["a0"] == (72, sum(r[::7]))


def test_sums_do_not_overflow():
    known = Beliefs.from_contributions(made(200, seed=2))

    many = reduce(lambda found, _: found.merge(found), range(60), known)

    assert many.linear.gram == tuple(part << 60 for part in known.linear.gram)
    assert many.arms == {arm: (rounds << 60, total << 60) for arm, (rounds, total) in known.arms.items()}


@given(rounds=st.lists(contributions, max_size=6))
def test_what_is_taken_out_leaves_nothing(rounds):
    assert Beliefs.from_contributions(rounds).remove(*rounds).to_bytes() == b'{"arms":{}}'


@pytest.mark.parametrize(
    ("part", "problem"),
    [
        pytest.param(Contribution("a", 8.1), "a reward is a number from -8 to 8", id="a reward beyond any table"),
        pytest.param(Contribution("a", float("nan")), "a reward is a number", id="a reward that is no number"),
        pytest.param(Contribution("a", 0.0, (0.1, float("nan"))), "no number", id="a context that is no number"),
        pytest.param(Contribution("a", 0.0, (0.1,)), "contexts of 1 values", id="a context of another length"),
    ],
)
def test_what_cannot_be_learned_from_is_refused(part, problem):
    known = Beliefs().add(Contribution("a", 1.0, (0.5, 0.5)))

    with pytest.raises(BadBeliefs, match=problem):
        known.add(part)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        b"[]",
        b"{}",
        b'{"arms":{"a":[1]}}',
        b'{"arms":{"a":[1,0.5]}}',
        b'{"arms":{},"linear":{"d":2,"rounds":1,"gram":[1,1],"moment":[1,1]}}',
        b'{"arms":{},"linear":{"d":1,"rounds":true,"gram":[1],"moment":[1]}}',
    ],
)
def test_bytes_that_are_no_beliefs_are_refused(data):
    with pytest.raises(BadBeliefs):
        Beliefs.from_bytes(data)
