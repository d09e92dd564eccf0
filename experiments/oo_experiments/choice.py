"""What a policy may look at when it says with which chance each candidate is to be chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

__all__ = ["Choice"]


@dataclass(frozen=True, slots=True)
class Choice:
    """One entry for each candidate, in their order.

    `values` are the model's. `arms` is what beliefs are kept by (a prompt version, a kind), `contexts` the served rows
    scaled to [0, 1], each of the same length; both are empty where nobody asks for them. `baseline` is the place of
    what would have been shown without us.
    """

    values: Sequence[float]
    eligible: Sequence[bool]
    baseline: int | None = None
    arms: Sequence[str] = field(default=())
    contexts: Sequence[Sequence[float]] = field(default=())

    @classmethod
    def of(cls, *values: float) -> Choice:
        """All of them eligible.

        >>> Choice.of(0.1, 0.9).eligible
        (True, True)
        """
        return cls(values, (True,) * len(values))

    @property
    def able(self) -> list[int]:
        """The places that may be chosen."""
        return [place for place, is_eligible in enumerate(self.eligible) if is_eligible]
