"""A report as one page of HTML."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from oo_pipelines.page import page, table
from oo_pipelines.report.figures import drawn
from oo_pipelines.report.told import Sheet, Told

__all__ = ["report_page"]


def report_page(subtitle: str, parts: Sequence[Told]) -> str:
    """The whole document; a report of one part is headed by it."""
    title = parts[0].title if len(parts) == 1 else "Experiments"
    head = f"<header><h1>{escape(title)}</h1><p>{escape(subtitle)}</p></header>"
    return page(title, [head, *(_part(of, alone=len(parts) == 1) for of in parts)])


def _part(of: Told, *, alone: bool) -> str:
    return "\n".join(_pieces(of, alone=alone))


def _pieces(of: Told, *, alone: bool) -> Iterator[str]:
    yield "<section>"
    if not alone:
        yield f"<h2>{escape(of.title)}</h2>"
    yield f'<p class="answer">{escape(of.answer)}</p>'
    if of.figures:
        yield f'<div class="grid">{"".join(map(drawn, of.figures))}</div>'
    yield from map(_sheet, of.sheets)
    yield f"<footer>{''.join(map(_paragraph, of.remarks))}</footer></section>" if of.remarks else "</section>"


def _sheet(of: Sheet) -> str:
    return f"<h3>{escape(of.title)}</h3>{table(of.columns, of.rows, of.bad)}{''.join(map(_paragraph, of.notes))}"


def _paragraph(text: str) -> str:
    return f"<p>{escape(text)}</p>"
