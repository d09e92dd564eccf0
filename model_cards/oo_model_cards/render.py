"""The rendering of a card as Markdown."""

from __future__ import annotations

from importlib import resources

from jinja2 import Environment, StrictUndefined

from oo_model_cards.card import ModelCard
from oo_model_cards.card_parts import Estimate

__all__ = ["markdown"]


def markdown(card: ModelCard) -> str:
    """Return the card for people; what it lacks is listed at its top."""
    template = (resources.files("oo_model_cards") / "cards" / "card.md.jinja").read_text(encoding="utf-8")
    return _environment().from_string(template).render(card=card, problems=card.problems())


def _environment() -> Environment:
    # Markdown, not HTML: pipes and line breaks are what could break out of a cell.
    environment = Environment(  # noqa: S701  # escaping for HTML would spoil Markdown; `cell` does its own
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    environment.filters |= {"estimate": _estimate, "cell": _cell, "said": _text}
    return environment


def _estimate(estimate: Estimate | None) -> str:
    if estimate is None:
        return "not enough data"
    return f"{estimate.value:.4g} [{estimate.low:.4g}, {estimate.high:.4g}]"


def _text(value: object) -> str:
    return "not recorded" if value is None else _cell(value)


def _cell(value: object) -> str:
    text = " ".join(str(value).split())
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|")
