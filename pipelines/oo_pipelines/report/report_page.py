"""A report as one page of HTML."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from oo_pipelines.report.figures import render_figure
from oo_pipelines.report.html_report import html_page, html_table
from oo_pipelines.report.report_section import ReportSection, Sheet

__all__ = ["report_page"]


def report_page(subtitle: str, parts: Sequence[ReportSection]) -> str:
    """Return the whole document; a report of one section has its title."""
    title = parts[0].title if len(parts) == 1 else "Experiments"
    head = f"<header><h1>{escape(title)}</h1><p>{escape(subtitle)}</p></header>"
    return html_page(title, [head, *(_part(section, alone=len(parts) == 1) for section in parts)])


def _part(section: ReportSection, *, alone: bool) -> str:
    return "\n".join(_pieces(section, alone=alone))


def _pieces(section: ReportSection, *, alone: bool) -> Iterator[str]:
    yield "<section>"
    if not alone:
        yield f"<h2>{escape(section.title)}</h2>"
    yield f'<p class="answer">{escape(section.answer)}</p>'
    if section.figures:
        yield f'<div class="grid">{"".join(map(render_figure, section.figures))}</div>'
    yield from map(_sheet, section.sheets)
    yield f"<footer>{''.join(map(_paragraph, section.remarks))}</footer></section>" if section.remarks else "</section>"


def _sheet(sheet: Sheet) -> str:
    table = html_table(sheet.columns, sheet.rows, sheet.bad)
    return f"<h3>{escape(sheet.title)}</h3>{table}{''.join(map(_paragraph, sheet.notes))}"


def _paragraph(text: str) -> str:
    return f"<p>{escape(text)}</p>"
