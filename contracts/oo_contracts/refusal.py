"""This module ends a process that was misused or cannot go on, with one line that says why."""

from __future__ import annotations

import sys
from typing import NoReturn

__all__ = ["MISUSE", "refuse_start"]

MISUSE = 2  # exit code of a process that was called wrongly


def refuse_start(program: str, text: str, code: int = MISUSE) -> NoReturn:
    """Print one line to standard error and exit.

    Raises:
        SystemExit: always, with the exit code.
    """
    print(f"{program}: {' '.join(text.split())}", file=sys.stderr)  # noqa: T201  # a refusal is one line
    sys.exit(code)
