"""The part of a model card that a person must write."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from importlib import resources

from oo_model_cards.card_parts import CardPart

__all__ = ["HumanSection", "human_section"]

_UNWRITTEN = re.compile(r"\b(todo|tbd|fixme|lorem)\b", re.IGNORECASE)


class HumanSection(CardPart):
    """What only a person knows, from `cards/<model>.toml`.

    `expected_metrics` and `expected_slices` name the metrics and slices that the card must have.
    """

    title: str = ""
    purpose: str = ""
    users: str = ""
    out_of_scope: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    fairness: str = ""
    owners: tuple[str, ...] = ()
    expected_metrics: tuple[str, ...] = ()
    expected_slices: tuple[str, ...] = ()

    def problems(self) -> Iterator[str]:
        """Yield each field that is empty or still to be written."""
        for name in ("title", "purpose", "users", "out_of_scope", "limits", "fairness", "owners"):
            value = getattr(self, name)
            if not value or any(not text.strip() for text in ([value] if isinstance(value, str) else value)):
                yield f"human.{name}: nothing is said"
            elif _UNWRITTEN.search(str(value)):
                yield f"human.{name}: still to be written"


def human_section(model: str) -> HumanSection:
    """Return the packaged human part of a model's card.

    Raises:
        FileNotFoundError: nobody has written one for this model.
    """
    file = resources.files("oo_model_cards") / "cards" / f"{model}.toml"
    return HumanSection.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
