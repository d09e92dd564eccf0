"""Chromium without a head: how a page looks, and how wide it is."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
import tempfile

__all__ = ["DARK", "LIGHT", "NAMES", "measured", "program", "screenshot"]

NAMES = ("chromium", "chromium-browser", "google-chrome")
DARK, LIGHT = 0, 1
QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)
MEASURE = """<!doctype html><meta charset="utf-8"><body>
<iframe width={width} height=800 srcdoc="{page}"></iframe><script>
addEventListener("load", () => {{
  const of = document.querySelector("iframe").contentDocument, root = of.documentElement
  const svg = [...of.querySelectorAll("figure svg")].map(one => one.getBoundingClientRect().width)
  const said = {{width: root.clientWidth, content: root.scrollWidth, text: of.body.innerText.length, svg}}
  document.body.innerHTML = "<output>" + JSON.stringify(said) + "</output>"
}})</script>"""


def program():
    """The browser, or None."""
    return next(filter(None, map(shutil.which, NAMES)), None)


def _run(*words):
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        words = [program(), *QUIET, f"--user-data-dir={profile}", *words]
        return subprocess.run(words, capture_output=True, text=True, check=True, timeout=120).stdout


def screenshot(page, to, scheme, width=1280, height=1000):
    """Of a file, with a colour scheme."""
    wanted = f"--blink-settings=preferredColorScheme={scheme}"
    _run(wanted, f"--window-size={width},{height}", f"--screenshot={to}", page.as_uri())


def measured(page, folder, width):
    """The page in a frame so wide: the frame's inner width, its content's, each figure's, and how long its text is."""
    frame = folder / f"frame-{width}.html"
    frame.write_text(MEASURE.format(width=width, page=html.escape(page.read_text(), quote=True)))
    dom = _run("--window-size=1600,1000", "--dump-dom", frame.as_uri())
    return json.loads(html.unescape(re.search(r"<output>(.*?)</output>", dom).group(1)))
