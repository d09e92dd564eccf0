"""This module decides whether a text is a tip: one or two sentences of plain words.

A tip has nothing that a reader could follow, call or pay to.

Each recogniser is a library's: markup is what a sanitiser (nh3) would take out, links and addresses what linkify would
underline with the public list of top-level domains, telephone numbers what Google's metadata finds, accounts what
stdnum validates. All of them read the text as it is, in compatibility form (fullwidth letters), and decoded.
"""

from __future__ import annotations

import contextlib
import html
import unicodedata
from collections.abc import Callable, Iterator
from urllib.parse import unquote

import nh3
import regex
import sentencex

from oo_prompts import addresses
from oo_prompts.invisible import is_visible
from oo_prompts.markdown import NotPlainWords, plain_words

__all__ = ["NotATip", "plain_tip", "warm_up"]

MAX_MARKUP = 2  # an answer with its markup may be this many times as long as the longest tip
MAX_SENTENCES = 2
MIN_LETTERS = 3
MAX_DECODINGS = 3  # an encoded tag that is encoded again, and once more
QUOTES = {'"': '"', "'": "'", "“": "”", "„": "“", "\u2018": "\u2019", "«": "»", "»": "«", "「": "」"}
ROLE = regex.compile(
    r"""<\||\|>|<</?sys>>|\[/?(?:inst|sys|system|user|assistant|tool_calls|tool_results|available_tools|end|eos|bos)\]
    |(?:^|[.!?]\s)\W*(?:system|user|human|assistant|developer|ai|bot)\s*:|\#\#\#\s*\w+\s*:|[{}]|<%|%>""",
    regex.IGNORECASE | regex.VERBOSE | regex.MULTILINE,
)
LETTER = regex.compile(r"\p{L}")
ESCAPE = regex.compile(r"\\(?|u([0-9a-f]{4})|u\{([0-9a-f]{1,6})\}|x([0-9a-f]{2})|U([0-9a-f]{8}))", regex.IGNORECASE)
# A sentence ends differently in each language ("Am 24. Dezember"); the reading with the fewest sentences counts.
LANGUAGES = ("en", "de", "fr", "es", "pt", "pl", "ru")  # it and nl take `is.` and `it.` for abbreviations


class NotATip(ValueError):
    """The answer is no tip; the message says why, for the log."""


def plain_tip(answer: str, min_length: int, max_length: int) -> str:
    """Return the tip in an answer: Markdown stripped, on one line, in Unicode's normal form C.

    `min_length` counts columns, since a Chinese character says as much as two letters; `max_length` counts code points.

    Raises:
        NotATip: the answer is something else, or contains more than a tip; the message says what.

    >>> plain_tip("**Pay the rent** first.", 8, 280)
    'Pay the rent first.'
    """
    if len(answer) > MAX_MARKUP * max_length:
        raise NotATip(f"more than {MAX_MARKUP * max_length} characters")
    if not is_visible(answer) or _hides_controls(answer):
        raise NotATip("a control or a hidden character")
    if ROLE.search(answer):  # before markdown takes its own marks away
        raise NotATip("a mark of a role or a placeholder")
    try:
        text = _unquoted(unicodedata.normalize("NFC", plain_words(answer.strip())))
    except NotPlainWords as refused:
        raise NotATip(str(refused)) from None
    if not (min_length <= _columns(text) and len(text) <= max_length):
        raise NotATip(f"{len(text)} characters, of {min_length} to {max_length}")
    _refuse(text)
    return text


def warm_up() -> None:
    """Compile the recognisers and load their data, so that the first tip does not have to wait for it."""
    for sample in ("Pay the rent. Start at 9:30.", "Call 030 555 01 23."):
        with contextlib.suppress(NotATip):
            plain_tip(sample, 1, len(sample))


def _refuse(text: str) -> None:
    """Raise NotATip for what is not one or two sentences of plain words; recognisers are quick on short texts only."""
    if len(LETTER.findall(text)) < MIN_LETTERS:
        raise NotATip("no words")
    for view in _views(text):
        for kind, recognise in RECOGNISERS.items():
            if recognise(view):
                raise NotATip(kind)
    if _sentences(text) > MAX_SENTENCES:
        raise NotATip(f"more than {MAX_SENTENCES} sentences")


def _columns(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(mark) in "WF" else 1 for mark in text)


def _unquoted(text: str) -> str:
    """Return the text without the quotation marks that a model puts around its whole answer."""
    end = QUOTES.get(text[:1])
    inside = text[1:-1]
    return inside.strip() if end and text.endswith(end) and not {text[0], end} & set(inside) else text


def _views(text: str) -> Iterator[str]:
    folded = unicodedata.normalize("NFKC", text)
    yield from dict.fromkeys((text, folded, _decoded(folded)))


def _decoded(text: str) -> str:
    for _ in range(MAX_DECODINGS):
        text = ESCAPE.sub(_character, html.unescape(unquote(text)))
    return text


def _character(escape: regex.Match[str]) -> str:
    point = int(escape[1], 16)
    return chr(point) if point <= 0x10FFFF and not 0xD800 <= point <= 0xDFFF else escape[0]


def _has_markup(text: str) -> bool:
    """Whether a text holds markup.

    A sanitiser that allows nothing changes plain text only where HTML has to escape it.
    """
    return html.unescape(nh3.clean(text, tags=set())) != text


def _hides_controls(answer: str) -> bool:
    """Whether decoding reveals a control character, as in `java&#10;script:`."""
    decoded = _decoded(answer)
    return not is_visible(decoded) or any(decoded.count(space) > answer.count(space) for space in "\n\r\t")


def _sentences(text: str) -> int:
    fewest = len(text)
    for language in LANGUAGES:
        fewest = min(fewest, sum(1 for part in sentencex.segment(language, text) if part.strip()))
        if fewest <= MAX_SENTENCES:
            break
    return fewest


RECOGNISERS: dict[str, Callable[[str], object]] = {
    "markup": _has_markup,
    "a mark of a role or a placeholder": ROLE.search,
    "a link or an e-mail address": addresses.has_link,
    "the number of an account or a card": addresses.has_account,
    "a telephone number": addresses.has_telephone,
}
