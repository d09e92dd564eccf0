"""Joiners stay where a script or an emoji needs them; whatever else nobody sees goes."""

# ruff: noqa: E501  # one table

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oo_prompts import template
from oo_prompts.invisible import is_visible, strip_invisible, truncate
from oo_prompts.tasktext import MAX_TITLE_LENGTH, clean_title, numbered_titles

KEPT = [
    "کتاب‌ها را می‌خوانم", "خانه‌ای", "شماره ه‍ تازه", "शक्‍ति", "क्‌ष", "র‍্যাব", "ശക്തിയാല്‍", "ශ්‍රී ලංකා", "ស៊ី‌មន",
    "👩‍👩‍👧‍👦 picnic", "👩🏽‍🚀 talk", "❤️‍🔥 letter", "🏳️‍🌈 flag", "👁️‍🗨️", "🐻‍❄️", "🏴󠁧󠁢󠁥󠁮󠁧󠁿 trip", "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "1️⃣ first", "☎︎", "葛󠄀城市",
    "ᠠ᠋", "שָׁלוֹם", "Việt", "ไทย", "café",
]  # fmt: skip
TAKEN = {
    "a\u200db": "ab", "a\u200cb": "ab", "x\u200d": "x", "👍\u200d": "👍", "👍\u200da": "👍a", "a\u200b b": "a b", "a\u202eb": "a b", "\u200ertl\u200f": "rtl",
    "می\u200c\u200cخواهم": "می\u200cخواهم", "soft\u00adhyphen": "softhyphen", "\ufeffbom": "bom", "\u3164": "", "\U000e0041tag": "tag", "🏴\U000e0061\U000e007f": "🏴",
    "a\ufe0fb": "ab", "葛\U000e0100\U000e0101城": "葛\U000e0100城", "e\u034f": "e", "\u2066x\u2069": "x", "bell\x07 end": "bell end", "a\x00b": "a b", "line\u2028end": "line end",
    "[IN\u200dST] x": "x", "[IN[INST]ST] y": "y", "</ta\u200csks> z": "/tasks z",
}  # fmt: skip


@pytest.mark.parametrize("title", KEPT)
def test_what_a_script_or_an_emoji_needs_is_kept(title):
    assert clean_title(title) == title
    assert is_visible(title)
    assert title in numbered_titles([title])
    assert title in template.template_tip(title, due_today=True)


@pytest.mark.parametrize("title", TAKEN, ids=range(len(TAKEN)))
def test_what_nobody_sees_is_taken_out(title):
    assert clean_title(title) == TAKEN[title]


@given(st.text())
def test_what_is_made_visible_is_visible(text):
    assert is_visible(strip_invisible(strip_invisible(text)))


@given(
    st.lists(st.sampled_from(["👩‍👩‍👧‍👦", "a", "e\u0301", "کتاب‌ها", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", " ", "शक्‍ति", "👍🏽"]), max_size=80).map(
        "".join
    )
)
def test_a_long_title_is_cut_between_what_is_seen_as_one(title):
    shown = clean_title(title)

    assert len(shown) <= MAX_TITLE_LENGTH
    assert clean_title(shown) == shown
    assert not shown.endswith(("\u200d", "\U000e0067", "👩‍👩‍👧"))


def test_one_letter_that_is_longer_than_all_is_cut():
    assert len(truncate("a" + "\u0301" * 500, 120)) == 120
    assert clean_title("👩‍" * 80).endswith("👩")
