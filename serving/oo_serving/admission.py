"""This module is the place of one call among those that a process works on: it is taken before the call is looked at.

A call that is refused must cost next to nothing, or refusing takes the time that answering needs. So the small calls of
a limited route are counted, or refused, while the parser is still at it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

__all__ = ["Admission", "FreeSlot", "Slot"]


class Slot(Protocol):
    """The place of one call."""

    @property
    def is_overloaded(self) -> bool:
        """Whether the call is to be answered with less work than usual."""

    def begin(self) -> None:
        """Note that the work on the call begins."""

    def end(self) -> None:
        """Give the place back; a second time does nothing."""


@dataclass(frozen=True, slots=True)
class FreeSlot:
    """A place on a route without a limit."""

    is_overloaded: bool = False

    def begin(self) -> None:
        """Do nothing."""

    def end(self) -> None:
        """Do nothing."""


Admission = Mapping[str, Callable[[], Slot]]  # path → takes a place, or raises `HTTPProblem` because there is none
