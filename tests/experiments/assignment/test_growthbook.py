"""Assignment agrees with GrowthBook's published SDK test cases, and with its TypeScript SDK where they say nothing.

Source: github.com/growthbook/growthbook, packages/sdk-js/test/cases.json (specVersion 0.8.0) and src/util.ts.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oo_experiments.assignment.assignment import ActiveExperiments, assign
from oo_experiments.assignment.experiment import BadExperiment, load_experiments
from oo_experiments.assignment.growthbook import bucket_ranges, choose_variation, hash_value, hash_values, in_namespace
from scipy import stats

HASHES = [
    ("", "a", 1, 0.22), ("", "b", 1, 0.077), ("b", "a", 1, 0.946), ("ef", "d", 1, 0.652),
    ("asdf", "8952klfjas09ujk", 1, 0.549),
    ("", "123", 1, 0.011), ("", '___)((*":&', 1, 0.563), ("seed", "a", 2, 0.0505), ("seed", "b", 2, 0.2696),
    ("foo", "ab", 2, 0.2575), ("foo", "def", 2, 0.2019), ("89123klj", "8952klfjas09ujkasdf", 2, 0.124),
    ("90850943850283058242805", "123", 2, 0.7516), ("()**(%$##$%#$#", '___)((*":&', 2, 0.0128),
    ("abc", "def", 99, None),
]  # fmt: skip


# By `hash` of src/util.ts, run in Node: it XORs UTF-16 code units, whole.
BEYOND_ASCII = [
    ("seed", "é", 2, 0.8663), ("seed", "é", 1, 0.137), ("seed", "日本", 2, 0.9652), ("seed", "日本", 1, 0.545),
    ("seed", "😀", 2, 0.4346), ("seed", "😀", 1, 0.429), ("seed", "u-😀", 2, 0.0658), ("seed", "\ud800", 2, 0.475),
]  # fmt: skip


@pytest.mark.parametrize(("seed", "value", "version", "expected"), HASHES + BEYOND_ASCII)
def test_hashes_are_the_published_ones(seed, value, version, expected):
    assert hash_value(seed, value, version) == expected


@pytest.mark.parametrize(
    ("count", "coverage", "weights", "expected"),
    [
        (2, 1, None, [(0, 0.5), (0.5, 1)]),
        (2, 0.5, None, [(0, 0.25), (0.5, 0.75)]),
        (2, 0, None, [(0, 0), (0.5, 0.5)]),
        (4, 1, None, [(0, 0.25), (0.25, 0.5), (0.5, 0.75), (0.75, 1)]),
        (2, 1, [0.4, 0.6], [(0, 0.4), (0.4, 1)]),
        (3, 1, [0.33, 0.33, 0.34], [(0, 0.33), (0.33, 0.66), (0.66, 1)]),
        (2, 1, [0.4, 0.1], [(0, 0.5), (0.5, 1)]),
        (2, 1, [0.7, 0.6], [(0, 0.5), (0.5, 1)]),
        (4, 1, [0.4, 0.4, 0.2], [(0, 0.25), (0.25, 0.5), (0.5, 0.75), (0.75, 1)]),
        (2, -0.2, None, [(0, 0), (0.5, 0.5)]),
        (2, 1.5, None, [(0, 0.5), (0.5, 1)]),
        (3, 0.2, [0.2, 0.3, 0.5], [(0, 0.04), (0.2, 0.26), (0.5, 0.6)]),
        (2, 1, [0.4, 0.5999], [(0, 0.4), (0.4, 0.9999)]),
    ],
)
def test_ranges_are_the_published_ones(count, coverage, weights, expected):
    found = bucket_ranges(count, coverage, weights)

    assert [pytest.approx(item) for item in found] == expected


@pytest.mark.parametrize("weights", [None, [], [0.5, 0.5]])
@pytest.mark.parametrize("count", [0, -1])
def test_no_variation_has_no_range(count, weights):
    assert bucket_ranges(count, 1, weights) == []


def test_nobody_is_in_a_range_that_is_no_number():
    ranges = bucket_ranges(2, 1, [math.nan, 0.5])

    assert all(choose_variation(n / 100, ranges) == -1 for n in range(100))


def test_ranges_are_added_up_in_the_order_of_the_sdk():
    starts = [low for low, _ in bucket_ranges(10, 1, [0.1] * 10)]

    assert starts[8] == 0.7999999999999999
    assert choose_variation(0.8, bucket_ranges(10, 1, [0.1] * 10)) == 8


@pytest.mark.parametrize(
    ("n", "ranges", "expected"),
    [
        (0.2, [(0, 0.5), (0.5, 1)], 0),
        (0.6, [(0, 0.5), (0.5, 1)], 1),
        (0.4, [(0, 0.4), (0.4, 1)], 1),
        (0.4, [(0, 0.25), (0.5, 0.75)], -1),
        (0.0, [(0, 0.5), (0.5, 1)], 0),
        (0.5, [(0, 0.5), (0.5, 0.5), (0.5, 1)], 2),
        (0.25, [(0, 0.25), (0.5, 0.75)], -1),
        (math.nan, [(0, 0.5), (0.5, 1)], -1),
    ],
)
def test_choices_are_the_published_ones(n, ranges, expected):
    assert choose_variation(n, ranges) == expected


@pytest.mark.parametrize(
    ("user", "name", "is_in"),
    [("1", "namespace1", False), ("1", "namespace2", False), ("3", "namespace1", False), ("3", "namespace2", True)],
)
def test_places_in_a_namespace_are_the_published_ones(user, name, is_in):
    assert in_namespace(user, (name, 0, 0.4)) == is_in
    assert in_namespace(user, (name, 0.4, 1)) != is_in


@pytest.mark.parametrize("version", [1, 2, 3])
def test_a_population_is_hashed_as_each_of_it(version):
    draw = random.Random(7)
    ends = (0x80, 0x800, 0x10000, 0x110000)
    users = ["".join(chr(draw.randrange(draw.choice(ends))) for _ in range(draw.randrange(12))) for _ in range(100_000)]

    found = hash_values("töne-😀", users, version)

    each = [hash_value("töne-😀", user, version) for user in users]
    assert np.array_equal(found, np.array(each, float), equal_nan=True)


def test_nobody_and_the_nameless_are_a_population_too():
    assert hash_values("seed", [], 2).shape == (0,)
    assert hash_values("seed", ["", ""], 2).tolist() == [hash_value("seed", "", 2)] * 2


@pytest.fixture(scope="module")
def million():
    return [f"user-{number}" for number in range(1_000_000)]


def test_two_experiments_in_a_namespace_share_none_of_a_million_users(million):
    place = hash_values("__tips", million, 1)

    one, other = (place >= 0) & (place < 0.4), (place >= 0.4) & (place < 1)

    assert not (one & other).any()
    assert (one | other).all()
    assert [in_namespace(user, ("tips", 0, 0.4)) for user in million[:2_000]] == one[:2_000].tolist()


def test_a_million_users_are_spread_evenly(million):
    place = hash_values("exploration-2026-11", million, 2)

    count = np.bincount((place * 10_000).round().astype(int) // 100, minlength=100)

    assert stats.chisquare(count).pvalue > 1e-4


def test_experiments_and_namespaces_are_independent_of_each_other(million):
    names = [("tone", 2), ("length", 2), ("__tips", 1), ("__wording", 1)]
    arms = [(hash_values(seed, million, version) * 4).astype(int) for seed, version in names]

    pairs = [(one, other) for at, one in enumerate(arms) for other in arms[:at]]

    tables = [np.bincount(4 * one + other, minlength=16).reshape(4, 4) for one, other in pairs]
    assert all(stats.chi2_contingency(table).pvalue > 1e-4 for table in tables)


@pytest.mark.parametrize("user", ["1", "2", "3", "u-4", "a@b.c"])
def test_every_user_is_in_one_part_of_a_namespace(user):
    parts = [in_namespace(user, ("ns", low / 10, (low + 1) / 10)) for low in range(10)]

    assert parts.count(True) == 1


NOW = datetime(2026, 11, 25, tzinfo=UTC)
EXPERIMENT = """
key = "tone"
purpose = "x"
coverage = {coverage}
[[variants]]
name = "a"
weight = 0.5
policy = {{ kind = "greedy" }}
[[variants]]
name = "b"
weight = 0.5
policy = {{ kind = "epsilon_greedy", epsilon = 0.2 }}
"""


def experiments(folder, coverage):
    folder.mkdir(exist_ok=True)
    (folder / "tone.toml").write_text(EXPERIMENT.format(coverage=coverage))
    return load_experiments(folder)


def arms(found):
    return {
        f"u-{number}": item.variant
        if (item := assign(ActiveExperiments(*found), "candidates", f"u-{number}", "r", NOW))
        else None
        for number in range(10_000)
    }


def test_raising_the_coverage_only_moves_users_in(tmp_path):
    few, many = arms(experiments(tmp_path / "few", 0.2)), arms(experiments(tmp_path / "many", 0.6))

    assert all(many[user] == arm for user, arm in few.items() if arm is not None)
    assert Counter(many.values())[None] < Counter(few.values())[None]


weights = st.lists(st.integers(1, 20), min_size=1, max_size=6).map(lambda parts: [part / sum(parts) for part in parts])


@given(weights=weights, seed=st.text(max_size=8))
def test_nobody_leaves_or_changes_the_arm_as_the_coverage_grows(weights, seed):
    place = hash_values(seed, [f"u-{number}" for number in range(300)], 2)

    steps = [
        np.array([choose_variation(n, bucket_ranges(len(weights), coverage, weights)) for n in place])
        for coverage in (0.1, 0.2, 0.5, 1.0)
    ]

    for few, many in pairwise(steps):
        assert np.array_equal(many[few >= 0], few[few >= 0])


def test_arms_are_as_frequent_as_their_weights(tmp_path):
    count = Counter(arms(experiments(tmp_path / "all", 1.0)).values())

    assert abs(count["a"] - count["b"]) < 500
    assert count[None] == 0


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("key = ", "not TOML"),
        ("key = 'Tone!'\npurpose='x'\nvariants=[]", "key"),
        (EXPERIMENT.format(coverage=2), "coverage"),
        (EXPERIMENT.format(coverage=1).replace("weight = 0.5", "weight = 0.4"), "weights"),
        (EXPERIMENT.format(coverage=1).replace("greedy", "psychic"), "kind"),
        (EXPERIMENT.format(coverage=1) + "typo = 1", "typo"),
    ],
)
def test_a_bad_file_is_refused_by_name(tmp_path, text, named):
    (tmp_path / "bad.toml").write_text(text)

    with pytest.raises(BadExperiment, match=rf"bad\.toml.*{named}"):
        load_experiments(tmp_path)


def test_the_packaged_experiments_can_be_read():
    assert [item.key for item in load_experiments()[0]] == ["exploration-2026-11"]


def test_what_is_not_given_is_all_of_it_in_equal_parts():
    assert bucket_ranges(2) == bucket_ranges(2, None, None) == bucket_ranges(2, 1.0, [0.5, 0.5])
