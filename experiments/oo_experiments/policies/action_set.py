"""This module defines what a policy may read when it gives each candidate its propensity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

__all__ = ["ActionSet"]


@dataclass(frozen=True, slots=True)
class ActionSet:
    """The candidates of one decision, with one entry for each in every sequence, in their order.

    `values` are the model's. `arms` are the keys of beliefs (a prompt version, a kind), `contexts` the served rows
    scaled to [0, 1], all of the same length; both are empty where no policy needs them. `baseline_index` is the index
    of what would have been shown without us.
    """

    values: Sequence[float]
    eligible: Sequence[bool]
    baseline_index: int | None = None
    arms: Sequence[str] = field(default=())
    contexts: Sequence[Sequence[float]] = field(default=())

    @classmethod
    def all_eligible(cls, *values: float) -> ActionSet:
        """Return an action set of these values in which every candidate is eligible.

        >>> ActionSet.all_eligible(0.1, 0.9).eligible
        (True, True)
        """
        return cls(values, (True,) * len(values))

    @property
    def eligible_indices(self) -> list[int]:
        """The indices of the candidates that may be chosen."""
        return [index for index, is_eligible in enumerate(self.eligible) if is_eligible]
