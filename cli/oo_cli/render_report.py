"""What a person reads of a report, or a program, or whoever opens its page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from oo_pipelines.plain_values import to_plain
from oo_pipelines.report.report_page import report_page
from oo_pipelines.report.report_section import ReportSection, Sheet
from rich.markup import escape
from rich.table import Table

from oo_cli.options import Output
from oo_cli.report_options import ReportOptions
from oo_cli.terminal import console, print_wide, refuse, say

__all__ = ["print_report"]


def print_report(
    options: ReportOptions, report: Any, sections: Sequence[ReportSection], html: Path | None, output: Output
) -> None:
    """Print a report in the form that was asked for, and write its page where there is a file for one."""
    if html is not None:
        _write(html, options, sections)
    if output is Output.JSON:
        say(to_plain(options.plain) | to_plain(report))
        return
    console.print(options.subtitle, soft_wrap=True, markup=False)
    for part in sections:
        _show(part)
    if html is not None:
        console.print(f"written to {html}", soft_wrap=True, markup=False)


def _write(html: Path, options: ReportOptions, sections: Sequence[ReportSection]) -> None:
    try:
        html.write_text(report_page(options.subtitle, sections), encoding="utf-8")
    except OSError as error:
        refuse(f"{html} cannot be written: {error}")


def _show(section: ReportSection) -> None:
    console.print(f"\n[bold]{escape(section.title)}[/]\n{escape(section.answer)}", soft_wrap=True)
    for sheet in section.sheets:
        _show_sheet(sheet)
    console.print()
    for text in section.remarks:
        console.print(text, style="dim", markup=False, soft_wrap=True)


def _show_sheet(sheet: Sheet) -> None:
    table = Table(box=None, pad_edge=False)
    for name in sheet.columns:
        table.add_column(escape(name))
    for index, row in enumerate(sheet.rows):
        cells = (escape(f"{cell:,}" if isinstance(cell, int) else cell or "") for cell in row)
        table.add_row(*cells, style="red" if index in sheet.bad else None)
    console.print(f"\n[bold]{escape(sheet.title)}[/]", soft_wrap=True)
    print_wide(table)
    for text in sheet.notes:
        console.print(text, markup=False, soft_wrap=True)
