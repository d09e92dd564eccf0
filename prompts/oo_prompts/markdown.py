"""This module reduces Markdown to the words that it shows, and refuses whatever is more than words."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from markdown_it import MarkdownIt
from markdown_it.token import Token

__all__ = ["NotPlainWords", "plain_words", "visible_text"]

TEXT_TOKENS = {"text", "softbreak", "hardbreak", "code_inline", "em_open", "em_close", "strong_open", "strong_close"}
BLOCKS = {"paragraph", "heading", "blockquote", "bullet_list", "ordered_list", "list_item"}
BLOCK_TOKENS = {f"{block}_{end}" for block in BLOCKS for end in ("open", "close")} | {"hr"}
FENCE = "```"


class NotPlainWords(ValueError):
    """The text holds something that is not words: a link, a picture, code, a table, or a list of several things."""


def plain_words(source: str) -> str:
    """Return what a reader of rendered Markdown reads, on one line.

    Raises:
        NotPlainWords: a part is not text; the message names its kind.

    >>> plain_words("**Pay** the `rent`\\nnow")
    'Pay the rent now'
    >>> plain_words("24. Dezember: *packen*")
    '24. Dezember: packen'
    """
    blocks = _parser().parse(source)
    others = [block.type for block in blocks if block.type not in BLOCK_TOKENS | {"inline"}]
    others += [part.type for block in blocks for part in block.children or [] if not _is_shown(part)]
    if others:
        raise NotPlainWords(f"markdown's {others[0].removesuffix('_open').replace('_', ' ')}")
    if sum(block.type == "list_item_open" for block in blocks) > 1:
        raise NotPlainWords("a list of several things")
    lines = [_numbered(blocks, index) + _inline(block) for index, block in enumerate(blocks) if block.type == "inline"]
    if len(lines) > 1 and any(block.type == "heading_open" for block in blocks):
        raise NotPlainWords("a heading above a text")
    return " ".join(" ".join(lines).split())


def visible_text(source: str) -> str:
    """Return the words of a title that a person wrote, with whatever else it contains; links without their targets.

    >>> visible_text("Read [this](https://example.org/a) and **that**")
    'Read this and that'
    """
    blocks = _parser().parse(source)
    lines = [_numbered(blocks, index) + (_inline(block) or block.content) for index, block in enumerate(blocks)]
    return " ".join(" ".join(lines).split())


@cache
def _parser() -> MarkdownIt:
    """Return a CommonMark parser with tables, but without references (which swallow text) and code by indentation."""
    return MarkdownIt("commonmark").enable(["table", "strikethrough"]).disable(["reference", "code"])


def _numbered(blocks: Sequence[Token], index: int) -> str:
    """Return the number that CommonMark takes off `24. Dezember` as if it began a list; here it belongs to the text."""
    item = next((block for block in blocks[max(index - 2, 0) : index] if block.type == "list_item_open"), None)
    return f"{item.info}{item.markup} " if item is not None and item.info and blocks[index].type == "inline" else ""


def _is_shown(part: Token) -> bool:
    return part.type in TEXT_TOKENS and not part.markup.startswith(FENCE)


def _inline(block: Token) -> str:
    parts = block.children or []
    text = ""
    for index, part in enumerate(parts):
        following = parts[index + 1].content if index + 1 < len(parts) else ""
        if part.type.endswith("break"):
            text += " "
        elif text[-1:].isdigit() and following[:1].isdigit():
            text += part.content or part.markup  # `2*3*4` is a product
        else:
            text += part.content
    return text
