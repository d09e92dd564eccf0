"""This module writes the tip that needs no model: the same words for the same task, within any deadline."""

from __future__ import annotations

from oo_prompts.addresses import without_links
from oo_prompts.markdown import visible_text
from oo_prompts.tasktext import MAX_TITLE_LENGTH, clean_title

__all__ = ["template_tip"]


def template_tip(title: str | None, *, overdue: bool = False, due_today: bool = False) -> str:
    """Return a friendly sentence about one task, or about an empty list; links in a title are not repeated.

    >>> template_tip("Pay the rent", overdue=True)
    '“Pay the rent” has been waiting for you: give it five minutes now, and it is moving again.'
    >>> template_tip("https://example.org/a")
    'Pick the smallest step of your next task and do just that one now.'
    """
    if not title or not clean_title(title):
        return "Nothing is open: a good moment to write down the one thing that matters next."
    words = clean_title(without_links(visible_text(clean_title(title[: MAX_TITLE_LENGTH * 8]))))
    name = f"“{words}”" if words else "your next task"
    subject = name[0].upper() + name[1:]
    if overdue:
        return f"{subject} has been waiting for you: give it five minutes now, and it is moving again."
    if due_today:
        return f"{subject} is due today: start with its smallest step while the day is young."
    return f"Pick the smallest step of {name} and do just that one now."
