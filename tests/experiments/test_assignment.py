"""Assignment agrees with GrowthBook's published SDK test cases (cases.json of its documentation)."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import pytest
from oo_experiments.assignment import bucket_ranges, choose, hash_value, in_namespace
from oo_experiments.enrolment import Running, assign
from oo_experiments.experiment import BadExperiment, load

HASHES = [
    ("", "a", 1, 0.22), ("", "b", 1, 0.077), ("b", "a", 1, 0.946), ("ef", "d", 1, 0.652),
    ("asdf", "8952klfjas09ujk", 1, 0.549),
    ("", "123", 1, 0.011), ("", '___)((*":&', 1, 0.563), ("seed", "a", 2, 0.0505), ("seed", "b", 2, 0.2696),
    ("foo", "ab", 2, 0.2575), ("foo", "def", 2, 0.2019), ("89123klj", "8952klfjas09ujkasdf", 2, 0.124),
    ("90850943850283058242805", "123", 2, 0.7516), ("()**(%$##$%#$#", '___)((*":&', 2, 0.0128),
    ("abc", "def", 99, None),
]  # fmt: skip


@pytest.mark.parametrize(("seed", "value", "version", "expected"), HASHES)
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
    ],
)
def test_ranges_are_the_published_ones(count, coverage, weights, expected):
    found = bucket_ranges(count, coverage, weights)

    assert [pytest.approx(item) for item in found] == expected


@pytest.mark.parametrize(
    ("n", "ranges", "expected"),
    [
        (0.2, [(0, 0.5), (0.5, 1)], 0),
        (0.6, [(0, 0.5), (0.5, 1)], 1),
        (0.4, [(0, 0.4), (0.4, 1)], 1),
        (0.4, [(0, 0.25), (0.5, 0.75)], -1),
        (0.0, [(0, 0.5), (0.5, 1)], 0),
    ],
)
def test_choices_are_the_published_ones(n, ranges, expected):
    assert choose(n, ranges) == expected


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
    return load(folder)


def arms(found):
    return {
        f"u-{number}": item.variant
        if (item := assign(Running(*found), "candidates", f"u-{number}", "r", NOW))
        else None
        for number in range(10_000)
    }


def test_raising_the_coverage_only_moves_users_in(tmp_path):
    few, many = arms(experiments(tmp_path / "few", 0.2)), arms(experiments(tmp_path / "many", 0.6))

    assert all(many[user] == arm for user, arm in few.items() if arm is not None)
    assert Counter(many.values())[None] < Counter(few.values())[None]


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
        load(tmp_path)


def test_the_packaged_experiments_can_be_read():
    assert [item.key for item in load()[0]] == ["exploration-2026-11"]
