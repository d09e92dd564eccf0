"""This module suggests a known name for a misspelt one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["did_you_mean"]


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a known name that is similar to the word, as the end of a sentence, or an empty text.

    >>> did_you_mean("weigth", ["name", "weight"])
    ': did you mean weight?'
    """
    near = difflib.get_close_matches(word, list(known), 1)
    return f": did you mean {near[0]}?" if near else ""
