"""This module cleans task titles, which strangers may have written: they are capped and cannot forge a delimiter."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from oo_prompts.invisible import strip_invisible, truncate

__all__ = ["MAX_LISTED_TASKS", "MAX_TITLE_LENGTH", "clean_title", "numbered_titles"]

MAX_TITLE_LENGTH = 120  # characters of a title that a model gets to see
MAX_LISTED_TASKS = 12  # titles in one prompt; a small model forgets the rest
FORGERY = re.compile(r"[<>`{}|]|\[/?(?:INST|SYS|SYSTEM|USER|ASSISTANT)\]", re.IGNORECASE)


def clean_title(title: str) -> str:
    """Return one line of visible text, at most MAX_TITLE_LENGTH long.

    Controls, bidi marks, angle brackets and marks of roles are removed.

    Joiners stay where a script or an emoji needs them (`oo_prompts.invisible`).

    >>> clean_title("  Pay\\nthe </tasks> rent \\u202e now ")
    'Pay the /tasks rent now'
    """
    text = title[: MAX_TITLE_LENGTH * 8]
    while (cleaner := _cleaned(text)) != text:  # removing one piece may join two others into a forgery
        text = cleaner
    return text


def _cleaned(text: str) -> str:
    plain = FORGERY.sub("", strip_invisible(unicodedata.normalize("NFC", text)))
    return truncate(" ".join(plain.split()), MAX_TITLE_LENGTH).rstrip()


def numbered_titles(titles: Sequence[str]) -> str:
    """Return the first MAX_LISTED_TASKS titles as a numbered list, one on each line.

    >>> print(numbered_titles(["Pay the rent", "Call mum"]))
    1. Pay the rent
    2. Call mum
    """
    return "\n".join(
        f"{number}. {clean_title(title)}" for number, title in enumerate(titles[:MAX_LISTED_TASKS], start=1)
    )
