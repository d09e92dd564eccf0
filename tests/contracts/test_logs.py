"""One event is one line, whatever a caller wrote into what is logged."""

from __future__ import annotations

import io
import logging

import pytest
from oo_contracts.logs import MAX_LINE_LENGTH, LineFormatter

FORGERIES = [
    "a\r\n2026-11-23 09:00:00,000 ERROR oo_serving: forged",
    "a\n2026-11-23 09:00:00,000 ERROR oo_serving: forged",
    "a\r2026 forged",
    "a\x1b[2K\x1b[1G2026 forged",
    "a\x85forged",
    "a\u2028forged",
    "a\u2029forged",
    "a\x0bforged\x0cforged\x1cforged",
    "\x00",
    "\u202edegrof",
]


@pytest.fixture
def logged():
    """What a logger of its own wrote, by the function that gets it."""

    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(LineFormatter())
    log = logging.getLogger("edge")
    log.setLevel(logging.INFO)
    log.addHandler(handler)

    def write(work):
        work(log)
        return stream.getvalue()

    yield write
    log.removeHandler(handler)


@pytest.mark.parametrize("text", FORGERIES)
def test_no_text_makes_a_second_line_or_moves_the_cursor(logged, text):
    said = logged(lambda log: log.info("POST %s: 404", text))

    assert len(said.splitlines()) == 1
    assert said.rstrip("\n").isprintable()


def refuse(text):
    raise ValueError(text)


@pytest.mark.parametrize("text", FORGERIES)
def test_no_text_of_an_exception_looks_like_a_line_of_ours(logged, text):
    def fail(log):
        try:
            refuse(text)
        except ValueError:
            log.exception("POST %s failed", text)

    first, *others = logged(fail).splitlines()

    assert "ERROR edge: POST" in first
    assert others
    assert all(line.startswith("    ") and line.isprintable() for line in others)


def test_what_can_be_seen_is_written_as_it_is(logged):
    assert logged(lambda log: log.info("%s", "Müller 任务 👨‍👩‍👧")).endswith("INFO edge: Müller 任务 👨‍👩‍👧\n")


@pytest.mark.parametrize("character", ["a", "\x85", "\n"])
def test_no_text_makes_a_line_without_end(logged, character):
    said = logged(lambda log: log.info("POST /score: 422 %s", character * 2_000_000))

    assert "POST /score: 422 " in said
    assert len(said) < 10 * MAX_LINE_LENGTH
