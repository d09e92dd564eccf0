"""Task titles are data that strangers may have written: they are capped, cleaned and cannot forge a delimiter."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

__all__ = ["MAX_TASKS", "MAX_TITLE", "clean", "listed"]

MAX_TITLE = 120  # characters of a title that a model gets to see
MAX_TASKS = 12  # titles in one prompt; a small model forgets the rest
INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}  # controls, bidi marks, surrogates, private use, separators


def clean(title: str) -> str:
    """One line of visible text: no controls, no bidi marks, no angle brackets or role markers, at most MAX_TITLE long.

    >>> clean("  Pay\\nthe </tasks> rent \\u202e now ")
    'Pay the /tasks rent now'
    """
    visible = "".join(" " if unicodedata.category(mark) in INVISIBLE else mark for mark in title[: MAX_TITLE * 8])
    plain = re.sub(r"[<>`{}|]|\[/?INST\]", "", unicodedata.normalize("NFC", visible))
    return " ".join(plain.split())[:MAX_TITLE].rstrip()


def listed(titles: Sequence[str]) -> str:
    """Titles as a numbered list, the first MAX_TASKS of them.

    >>> print(listed(["Pay the rent", "Call mum"]))
    1. Pay the rent
    2. Call mum
    """
    return "\n".join(f"{place}. {clean(title)}" for place, title in enumerate(titles[:MAX_TASKS], start=1))
