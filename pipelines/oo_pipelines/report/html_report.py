"""One self-contained HTML page: no script, no network, light and dark as the reader has it."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

__all__ = ["BEFORE_COLOUR", "COLOURS", "INK", "NOW_COLOUR", "figure", "html_page", "html_table", "svg", "three_digits"]

INK = "#123456"  # drawn in this colour, shown in the reader's
BEFORE_COLOUR, NOW_COLOUR = "#8a94a6", "#d9622b"  # the two sides of each plot; both stand out on white and on black

COLOURS = ("#3f7fd9", "#d9622b", "#2f9e78", "#a866cf", "#c29a2c", "#d0527e")  # for what has no order, like policies

STYLE = """
:root { color-scheme: light dark; --ink: #1c2330; --soft: #5b6577; --line: #e1e5ec; --bad: #b3261e; --paper: #fff;
  --raised: #f6f8fb; --accent: #3f7fd9 }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e9ef; --soft: #9aa4b5; --line: #2c3442; --bad: #ff8a80; --paper: #14181f; --raised: #1b212b } }
* { box-sizing: border-box }
body { margin: 0 auto; padding: 2.5rem 1rem 4rem; max-width: 68rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; overflow-wrap: break-word }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .25rem; letter-spacing: -.01em }
h2 { font-size: 1.25rem; margin: 3rem 0 .5rem } h3 { font-size: 1rem; margin: 2rem 0 .5rem }
p { margin: .35rem 0; color: var(--soft); font-size: .9rem; max-width: 46rem }
header p { font-size: .9rem } .bad { color: var(--bad); font-weight: 600 }
p.answer { margin: 1.25rem 0 1.5rem; padding: .9rem 1.1rem; max-width: none; color: var(--ink);
  background: var(--raised); border-left: 4px solid var(--accent); border-radius: 4px; font-size: 1.1rem }
.scroll { margin: .5rem 0 .75rem; overflow-x: auto;
  background: linear-gradient(to right, transparent, var(--paper) 1.5rem) local,
  linear-gradient(to left, var(--line), transparent); background-position: right;
  background-size: 3rem 100%, 1.5rem 100%; background-repeat: no-repeat }
table { border-collapse: collapse; min-width: min(100%, 36rem); font-size: .85rem }
th, td { padding: .4rem 1.1rem .4rem 0; text-align: left; border-bottom: 1px solid var(--line); white-space: nowrap }
th { color: var(--soft); font-weight: 600 } th.number, td.number { text-align: right }
td { font-variant-numeric: tabular-nums } th:last-child, td:last-child { padding-right: 0 }
.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(19rem, 100%), 1fr)); gap: 1.5rem }
.grid { align-items: start } figure { margin: 0; color: var(--ink) }
figure svg { display: block; width: 100%; height: auto }
footer { margin-top: 2rem; padding-top: .75rem; border-top: 1px solid var(--line) } footer p { font-size: .8rem }
figcaption { margin-top: .25rem; font-size: .8rem; color: var(--soft) }
"""
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'"  # a browser is told that there is nothing to fetch or to run
)
NUMBER_PATTERN = re.compile(r"[+-]?[\d,]+(\.\d+)?(e[+-]\d+)?%?|nan")
EMPTY = (None, "", "-")


def html_page(title: str, parts: Iterable[str]) -> str:
    """Return the whole document of parts that are HTML already."""
    body = "\n".join(parts)
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{CONTENT_SECURITY_POLICY}">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def html_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], bad: Sequence[int] = ()) -> str:
    """Return a table: columns of numbers to the right, of text to the left; `bad` are indices of rows to stand out."""
    body = [tuple(row) for row in rows]
    aligned = [_right([row[index] for row in body]) for index in range(len(columns))]
    head = "".join(f"<th{side}>{escape(name)}</th>" for name, side in zip(columns, aligned, strict=True))
    lines = [
        f"<tr{_bad(index in bad)}>"
        + "".join(f"<td{side}>{escape(_text(cell))}</td>" for cell, side in zip(row, aligned, strict=True))
        + "</tr>"
        for index, row in enumerate(body)
    ]
    return f'<div class="scroll"><table><tr>{head}</tr>\n{chr(10).join(lines)}</table></div>'


def _bad(is_bad: bool) -> str:
    return ' class="bad"' if is_bad else ""


def _right(cells: Iterable[Any]) -> str:
    """Return the attribute of a column of numbers, some of which may be missing."""
    known = [cell for cell in cells if cell not in EMPTY]
    return ' class="number"' if known and all(NUMBER_PATTERN.fullmatch(_text(cell)) for cell in known) else ""


def three_digits(value: float) -> str:
    """Return three digits of a number, and all those before its point."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _text(value: Any) -> str:
    if isinstance(value, float):
        return three_digits(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return "" if value is None else str(value)


def figure(plot: Any, caption: str) -> str:
    """Return a matplotlib figure with its caption, as HTML."""
    return f"<figure>{svg(plot)}<figcaption>{escape(caption)}</figcaption></figure>"


def svg(plot: Any) -> str:
    """Return a matplotlib figure, drawn in INK, as markup that takes the page's colour and font."""
    from matplotlib import rc_context  # noqa: PLC0415  # a second to import

    out = io.StringIO()
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "oo-ml", "font.family": "sans-serif"}):
        plot.savefig(out, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = out.getvalue()
    text = re.sub(r"font: ([\d.]+px)[^;\"]*", r"font: \1 system-ui, sans-serif", text[text.index("<svg") :])
    text = re.sub(r' id="([A-Za-z0-9]+)_\d+"', r' class="\1"', text)  # each figure of a page has the same ones
    return text.replace(INK, "currentColor")
