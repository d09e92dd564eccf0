"""The figures of `docs/performance.md`: what stands between its markers is written by a run."""

from __future__ import annotations

from pathlib import Path

from oo_bench.results import Bench
from oo_bench.summary import markdown

__all__ = ["DOCUMENT", "NoMarkers", "with_figures", "write_figures"]

DOCUMENT = Path(__file__).parents[2] / "docs" / "performance.md"
BEGIN, END = "<!-- figures: written by `make bench` -->", "<!-- end of the figures -->"


class NoMarkers(ValueError):
    """A text has no place for figures."""


def with_figures(text: str, bench: Bench) -> str:
    """Return the text with the figures of a run between its markers.

    Raises:
        NoMarkers: it has none.
    """
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise NoMarkers(f"there is no {BEGIN} before a {END}")
    return f"{head}{BEGIN}\n\n{markdown(bench)}\n\n{END}{tail}"


def write_figures(bench: Bench, document: Path = DOCUMENT) -> None:
    """Write the figures of a run into a document.

    Raises:
        NoMarkers: the document has no place for them.
    """
    document.write_text(with_figures(document.read_text(), bench))
