"""This module finds what a reader could follow, write to, call or pay to: links, addresses, numbers, accounts."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import regex
from linkify_it import LinkifyIt
from phonenumbers import Leniency, PhoneNumberMatcher
from stdnum import bitcoin, iban

__all__ = ["has_account", "has_link", "has_telephone", "without_links"]

# What a browser, a telephone or a chat client opens without `//`; `scheme://` is a link whatever the scheme.
SCHEMES = (
    "javascript", "vbscript", "data", "file", "blob", "about", "view-source", "tel", "sms", "mms", "sip", "sips",
    "callto", "facetime", "skype", "whatsapp", "tg", "viber", "xmpp", "intent", "market", "itms-apps", "ms-settings",
    "geo", "maps", "magnet", "bitcoin", "ethereum", "lightning", "upi",
)  # fmt: skip
# Where numbers are written without a country: countries whose plans are narrow enough to tell a number from an amount.
REGIONS = ("US", "GB", "DE", "FR", "ES", "NL", "BR", "MX", "IN", "JP", "CN", "RU", "TR", "AU", "UA", "KR", "ID", "IR")
TELEPHONE_RUN = regex.compile(r"\p{Nd}(?:[ ()./-]{0,3}\p{Nd}){6}")  # no telephone number is shorter
DATE = regex.compile(r"(?<![\p{Nd}.])\p{Nd}{1,4}([./-])\p{Nd}{1,2}\1\p{Nd}{1,4}(?![\p{Nd}]|[./-]\p{Nd})")
DASH = regex.compile(r"\p{Dash}")
DOT = regex.compile(r"(?<=[a-z0-9])[。｡](?=[a-z0-9])", regex.IGNORECASE)  # a dot to a browser, in a name
SEAM = regex.compile(r"[:/=\\]+|\.(?=\p{Lu}\p{Ll})")
DIGIT_RUN = regex.compile(
    r"\p{Nd}{9,}|\p{Nd}(?:[ .\-/]?\p{Nd}){12,}"
)  # longer than any amount, date or telephone number
IBAN = regex.compile(r"\b[A-Z]{2}\p{Nd}{2}(?:[ -]?[A-Z0-9]){11,30}", regex.IGNORECASE)
WALLET = regex.compile(r"\b[13b][A-Za-z0-9]{25,61}\b")
IBAN_LENGTHS = range(15, 35)


def has_link(text: str) -> bool:
    """Whether anything in a text would be underlined.

    That is something with a scheme, or a name under a public top-level domain.
    """
    dotted = DOT.sub(".", text)
    # Words that run into a name hide it: `see:evil.com`, `evil.com.Then`.
    separated = SEAM.sub(lambda match: ". " if match[0] == "." else " ", dotted)
    return "://" in text or any(_recogniser().test(view) for view in (dotted, separated))


def without_links(text: str) -> str:
    """Return a text without links that name their scheme, and without e-mail addresses; `README.md` stays.

    >>> without_links("Read https://example.org/a today")
    'Read  today'
    """
    for link in reversed(_recogniser().match(text) or []):
        text = text[: link.index] + text[link.last_index :] if link.schema else text
    return text


@cache
def _recogniser() -> LinkifyIt:
    """Return the link recogniser, compiled once, with every top-level domain and the schemes that open something."""
    opening = {f"{scheme}:": {"validate": r"^\S+"} for scheme in SCHEMES}
    return LinkifyIt(opening, {"fuzzy_ip": True}).tlds(sorted(_top_level_domains()))


def _top_level_domains() -> set[str]:
    """Return the last labels of the public suffix list, from the file in its package."""
    rules = (files("publicsuffixlist") / "public_suffix_list.dat").read_text("utf-8").splitlines()
    return {rule.split()[0].rpartition(".")[2] for rule in rules if rule.strip() and not rule.startswith("//")}


def has_telephone(text: str) -> bool:
    """Whether a text holds a telephone number: international, as written in the USA, or valid in one of REGIONS."""
    undated = DATE.sub(" ", DASH.sub("-", text))
    if not TELEPHONE_RUN.search(undated):
        return False
    if any(True for _ in PhoneNumberMatcher(undated, None, Leniency.POSSIBLE)):
        return True
    if any({"-", "("} & set(number.raw_string) for number in PhoneNumberMatcher(undated, "US", Leniency.POSSIBLE)):
        return True  # also 555-0100, which is nobody's
    return any(True for region in REGIONS for _ in PhoneNumberMatcher(undated, region, Leniency.VALID))


def has_account(text: str) -> bool:
    """Whether a text holds an IBAN, a wallet's address, or a run of digits as long as those of accounts and cards."""
    undated = DATE.sub(" ", DASH.sub("-", text))
    if DIGIT_RUN.search(undated) or any(_iban(match[0]) for match in IBAN.finditer(text)):
        return True
    return any(bitcoin.is_valid(match[0]) for match in WALLET.finditer(text))


def _iban(written: str) -> bool:
    """Whether a run begins with an IBAN: the words after it may look like a part of it."""
    compact = iban.compact(written)
    return any(iban.is_valid(compact[:length]) for length in IBAN_LENGTHS if length <= len(compact))
