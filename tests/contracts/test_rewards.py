"""Rewards: one table, whatever order reactions came in; a released table never changes."""

from __future__ import annotations

import hashlib
import itertools
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oo_contracts.reward_table import DEFAULT_REWARDS, BadRewards, RewardTable, released_versions

DIGESTS = {"v1": "bc7455c1da4b5d84"}
KINDS = ["shown", "clicked", "completed", "snoozed", "dismissed"]
MINE = """
version = "mine"
aggregate = "sum"
wait_hours = 48
values = { shown = 0, clicked = 0.1, completed = 0.7, snoozed = -0.3, dismissed = -0.2 }
"""


def bits(number):
    return struct.pack("<d", number)


def written(tmp_path, text):
    file = tmp_path / "mine.toml"
    file.write_text(text)
    return file


def test_a_released_table_never_changes():
    made = {version: hashlib.sha256(RewardTable.read(version).model_dump_json().encode()).hexdigest()[:16]
            for version in released_versions()}  # fmt: skip

    assert made == DIGESTS, "a released table was changed, or a new one has no digest here yet"


@pytest.mark.parametrize("aggregate", ["max", "min", "sum"])
@given(
    reactions=st.lists(st.sampled_from(KINDS), min_size=1, max_size=6),
    worth=st.lists(st.floats(-1, 1), min_size=5, max_size=5),
)
def test_the_order_of_arrival_and_repeats_change_no_bit(aggregate, reactions, worth):
    table = RewardTable(version="x", aggregate=aggregate, wait_hours=1, values=dict(zip(KINDS, worth, strict=True)))

    found = {bits(table.reward(order)) for order in itertools.islice(itertools.permutations(reactions), 40)}

    assert found == {bits(table.reward([*reactions, *reversed(reactions)]))}


def test_several_reactions_by_each_rule(tmp_path):
    table = RewardTable.read(written(tmp_path, MINE))

    assert table.reward(["shown", "clicked", "snoozed"]) == pytest.approx(-0.2)
    assert table.model_copy(update={"aggregate": "max"}).reward(["shown", "clicked", "snoozed"]) == 0.1
    assert table.model_copy(update={"aggregate": "min"}).reward(["shown", "clicked", "snoozed"]) == -0.3


def test_a_tip_that_was_never_shown_has_no_reward():
    with pytest.raises(ValueError, match="without a reaction"):
        DEFAULT_REWARDS.reward([])


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (("shown = 0, ", ""), "no value for shown"),
        (("clicked = 0.1", "clicked = 1.5"), "values.clicked"),
        (("clicked = 0.1", "klicked = 0.1"), "values.klicked"),
        (("clicked = 0.1", 'clicked = "much"'), "values.clicked"),
        (('"sum"', '"mean"'), "aggregate"),
        (("wait_hours = 48", "wait_hours = 0"), "wait_hours"),
        (("wait_hours = 48", "weight_hours = 48"), "wait_hours"),
        (("clicked = 0.1", "clicked = nan"), "values.clicked"),
        (('"mine"', "mine"), "not TOML"),
    ],
    ids=lambda item: item[1] if isinstance(item, tuple) else None,
)
def test_what_is_no_table_is_refused_by_its_field(tmp_path, change, named):
    assert change[0] in MINE
    with pytest.raises(BadRewards, match=named):
        RewardTable.read(written(tmp_path, MINE.replace(*change)))


def test_an_unknown_version_lists_the_known():
    with pytest.raises(BadRewards, match="there are v1"):
        RewardTable.read("v99")
