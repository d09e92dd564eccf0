"""A table of text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

__all__ = ["table_lines"]


def table_lines(names: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield a heading and a line for each row, in columns as wide as their widest cell."""
    all_rows = [[name.removesuffix("_id").replace("_", " ") for name in names], *rows]
    widths = [max(map(len, column)) for column in zip(*all_rows, strict=True)]
    for row in all_rows:
        yield "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
