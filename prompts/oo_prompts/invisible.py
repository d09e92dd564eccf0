"""This module removes characters that nobody sees, and keeps those that join letters or emoji.

A joiner is kept where it shapes what is seen: after a letter of a script that joins or stacks its letters
(Persian, Hindi, …), and between two pictures of one emoji. Elsewhere a joiner hides something, as tags
and variation selectors without effect do.
"""

from __future__ import annotations

import regex

__all__ = ["is_visible", "strip_invisible", "truncate"]

JOINING_SCRIPTS = (
    "Arab Syrc Mand Nkoo Adlm Rohg Mong Phag Deva Beng Guru Gujr Orya Taml Telu Knda Mlym Sinh Mymr Khmr Tibt Java Bali"
)
JOINING = "".join(rf"\p{{Script_Extensions={script}}}" for script in JOINING_SCRIPTS.split())
FLAGS = ("gbeng", "gbsct", "gbwls")  # England, Scotland and Wales: the only flags that are spelt with hidden tags
FLAG_SEQUENCES = "|".join("".join(chr(0xE0000 + ord(letter)) for letter in flag) for flag in FLAGS)
SEEN = "|".join(
    (
        rf"(?<=[[{JOINING}]&&[\p{{L}}\p{{M}}]])[\u200c\u200d]",
        r"(?<=\p{Extended_Pictographic}[\p{Emoji_Modifier}\ufe0f]?)\u200d(?=\p{Extended_Pictographic})",
        r"(?<=\p{Emoji})[\ufe0e\ufe0f]",
        r"(?<=\p{Han})[\ufe00-\ufe02\U000e0100-\U000e01ef]",
        r"(?<=\p{Mongolian})[\u180b-\u180d\u180f]",
        rf"\U0001f3f4(?:{FLAG_SEQUENCES})\U000e007f",
    )
)
MAX_MARKS = 6  # on one letter; no script stacks more
HIDDEN = rf"[\p{{C}}\p{{Zl}}\p{{Zp}}\p{{Default_Ignorable_Code_Point}}]|(?<=\p{{M}}{{{MAX_MARKS}}})\p{{M}}"
CHARACTERS = regex.compile(f"({SEEN})|{HIDDEN}", regex.VERSION1)
BREAKING = regex.compile(r"[\p{Cc}\p{Zl}\p{Zp}\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069]")
GRAPHEME = regex.compile(r"\X")


def strip_invisible(text: str) -> str:
    """Return the text without what nobody sees; what may have separated two words leaves a space.

    >>> strip_invisible("a\\u202eb"), len(strip_invisible("\\u06a9\\u062a\\u0627\\u0628\\u200c\\u0647\\u0627"))
    ('a b', 7)
    """
    shown: str = CHARACTERS.sub(lambda match: match[1] or (" " if BREAKING.fullmatch(match[0]) else ""), text)
    return shown


def is_visible(text: str) -> bool:
    """Whether nothing is hidden in a text; line ends and tabs count as ordinary spaces here."""
    spaced = text.translate({ord(space): " " for space in "\n\r\t"})
    return strip_invisible(spaced) == spaced


def truncate(text: str, length: int) -> str:
    """Return at most `length` code points, without cutting a letter or an emoji in two.

    Only a first one that is longer than that is cut.
    """
    if len(text) <= length:
        return text
    ends = [match.end() for match in GRAPHEME.finditer(text[: length + 1])]
    return text[: max((end for end in ends if end <= length), default=length)]
