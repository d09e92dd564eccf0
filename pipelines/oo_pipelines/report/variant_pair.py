"""The rounds of two variants side by side, of which any value can be compared."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from oo_experiments.statistics.mean_comparison import MeanDifference, compare_means

from oo_pipelines.report.round_outcomes import LoggedRound

__all__ = ["VariantPair"]


@dataclass(frozen=True, slots=True)
class VariantPair:
    """The rounds of two variants in order of time; `user` and `treated` (rounds,) say whose each was, and on which
    side."""

    rounds: Sequence[LoggedRound]
    user: NDArray[np.int64]
    treated: NDArray[np.bool_]

    @classmethod
    def of(cls, treated: Iterable[LoggedRound], others: Iterable[LoggedRound]) -> VariantPair:
        """Return the pair of a variant's rounds and the reference's, put in order of time."""
        both = [*((item, True) for item in treated), *((item, False) for item in others)]
        both.sort(key=lambda pair: pair[0].decided_at)
        user = np.unique([item.user_id for item, _ in both], return_inverse=True)[1]
        return cls([item for item, _ in both], user, np.array([side for _, side in both], bool))

    def where(self, kept: Sequence[bool]) -> VariantPair:
        """Return the pair with only those rounds for which `kept` (rounds,) is true."""
        indices = np.flatnonzero(kept)
        return VariantPair(
            [self.rounds[index] for index in indices.tolist()], self.user[indices], self.treated[indices]
        )

    def difference(
        self, value: NDArray[np.float64], *, upto: int | None = None, covariate: NDArray[np.float64] | None = None
    ) -> MeanDifference | None:
        """Return the difference of the means of `value` (rounds,); None where a side has no round."""
        user, treated = self.user[:upto], self.treated[:upto]
        if treated.all() or not treated.any():
            return None
        return compare_means(value[:upto], user, treated, challenger=True, champion=False, covariate=covariate)
