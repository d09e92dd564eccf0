"""Progress of a long step, as a line on the terminal that is written over."""

from __future__ import annotations

import sys
from collections.abc import Callable

__all__ = ["Progress", "show_bar", "show_progress"]

Progress = Callable[[str, int, int], None]  # of a step: its name, how much is done, and of how much
COLUMN_WIDTH = 24  # characters of a progress bar


def show_progress(step: str, done: int, total: int) -> None:
    """Write the step and its count to standard error, over the line before."""
    print(f"\r\x1b[K{step} {done}/{total}", end="\n" if done == total else "", file=sys.stderr)  # noqa: T201  # for people


def show_bar(step: str, done: int, total: int) -> None:
    """Write the step and its count with a bar to standard error, over the line before."""
    full = COLUMN_WIDTH * done // total
    show_progress(f"replaying {'━' * full}{'╌' * (COLUMN_WIDTH - full)} {step}", done, total)
