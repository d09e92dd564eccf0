"""One self-contained HTML page: no script, no network, light and dark as the reader has it."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

__all__ = ["BEFORE", "NOW", "figure", "page", "svg", "table"]

INK = "#123456"  # drawn in this colour, shown in the reader's
BEFORE, NOW = "#8a94a6", "#d9622b"  # the two sides of each plot; both stand out on white and on black

STYLE = """
:root { color-scheme: light dark; --ink: #1c2330; --soft: #5b6577; --line: #d8dde6; --bad: #b3261e; --paper: #fff }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e9ef; --soft: #9aa4b5; --line: #343c4a; --bad: #ff8a80; --paper: #14181f } }
* { box-sizing: border-box }
body { margin: 0 auto; padding: 2rem 1rem 4rem; max-width: 68rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif }
h1 { font-size: 1.5rem; margin: 0 0 .25rem } h2 { font-size: 1.1rem; margin: 2.5rem 0 .5rem }
p { margin: .25rem 0; color: var(--soft) } .bad { color: var(--bad); font-weight: 600 }
.scroll { overflow-x: auto } table { border-collapse: collapse; width: 100%; font-size: .875rem }
th, td { padding: .3rem .75rem .3rem 0; text-align: left; border-bottom: 1px solid var(--line); white-space: nowrap }
th { color: var(--soft); font-weight: 600 } td.number { text-align: right; font-variant-numeric: tabular-nums }
.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(19rem, 1fr)); gap: 1rem }
figure { margin: 0; color: var(--ink) } figure svg { width: 100%; height: auto }
figcaption { font-size: .8rem; color: var(--soft) }
"""


def page(title: str, parts: Iterable[str]) -> str:
    """The whole document of parts that are HTML already."""
    body = "\n".join(parts)
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]], bad: Sequence[int] = ()) -> str:
    """Numbers to the right, text to the left; `bad` are places of rows to stand out."""
    head = "".join(f"<th>{escape(name)}</th>" for name in columns)
    lines = [f"<tr{_bad(place in bad)}>{''.join(map(_cell, row))}</tr>" for place, row in enumerate(rows)]
    return f'<div class="scroll"><table><tr>{head}</tr>\n{chr(10).join(lines)}</table></div>'


def _bad(is_bad: bool) -> str:
    return ' class="bad"' if is_bad else ""


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f'<td class="number">{value:.3g}</td>'
    if isinstance(value, int) and not isinstance(value, bool):
        return f'<td class="number">{value:,}</td>'
    return f"<td>{'' if value is None else escape(str(value))}</td>"


def figure(drawn: Any, caption: str) -> str:
    """A matplotlib figure with its words."""
    return f"<figure>{svg(drawn)}<figcaption>{escape(caption)}</figcaption></figure>"


def svg(drawn: Any) -> str:
    """A matplotlib figure, drawn in INK, as markup that takes the page's colour and font."""
    from matplotlib import rc_context  # noqa: PLC0415  # a second to import

    out = io.StringIO()
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "oo-ml", "font.family": "sans-serif"}):
        drawn.savefig(out, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = out.getvalue()
    text = re.sub(r"font: ([\d.]+px)[^;\"]*", r"font: \1 system-ui, sans-serif", text[text.index("<svg") :])
    return text.replace(INK, "currentColor")
