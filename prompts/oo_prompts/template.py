"""The tip that needs no model: the same words for the same task, within any deadline."""

from __future__ import annotations

from oo_prompts.tasktext import clean

__all__ = ["tip"]


def tip(title: str | None, *, overdue: bool = False, due_today: bool = False) -> str:
    """A friendly sentence about one task, or about an empty list.

    >>> tip("Pay the rent", overdue=True)
    '“Pay the rent” has been waiting for you: give it five minutes now, and it is moving again.'
    """
    name = clean(title) if title else ""
    if not name:
        return "Nothing is open: a good moment to write down the one thing that matters next."
    if overdue:
        return f"“{name}” has been waiting for you: give it five minutes now, and it is moving again."
    if due_today:
        return f"“{name}” is due today: start with its smallest step while the day is young."
    return f"Pick the smallest step of “{name}” and do just that one now."
