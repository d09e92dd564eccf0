"""This module writes log lines to stderr, one for each record; no text of a caller can break a line in two."""

from __future__ import annotations

import logging
import re
import sys
from typing import Any

from oo_contracts.wire import INVISIBLE

__all__ = ["MAX_LINE_LENGTH", "LineFormatter", "escape_invisible", "log_to_stderr"]

FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
MAX_LINE_LENGTH = 8_192  # characters before controls are spelt out: a caller's names may be of any length
_invisible = re.compile(f"[{INVISIBLE}]")


def escape_invisible(text: str) -> str:
    r"""Return the text with control characters, line ends and changes of direction spelt out as escapes.

    >>> escape_invisible("a\r\n2026 ERROR b") == r"a\r\n2026 ERROR b"
    True
    """
    return text if text.isprintable() else _invisible.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode("ascii")


def _line(text: str) -> str:
    return escape_invisible(text if len(text) <= MAX_LINE_LENGTH else f"{text[:MAX_LINE_LENGTH]}…")


class LineFormatter(logging.Formatter):
    """Format a record as one line of visible characters.

    A traceback follows indented, so that no line of it can look like a record.
    """

    def __init__(self) -> None:
        super().__init__(FORMAT)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # logging's name
        """Return the record's line, cut to MAX_LINE_LENGTH and escaped."""
        return _line(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:  # noqa: N802  # logging's name
        """Return the traceback with each line escaped and indented by four spaces."""
        return "\n".join(f"    {_line(line)}" for line in super().formatException(ei).split("\n"))


def log_to_stderr(level: int = logging.INFO) -> None:
    """Send the log of this process to stderr, one line for each record."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LineFormatter())
    logging.basicConfig(level=level, handlers=[handler])
