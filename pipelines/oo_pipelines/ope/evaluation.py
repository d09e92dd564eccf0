"""Every requested estimator on one table and one target, and what cannot be computed with its reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from oo_experiments.ope.estimators import (
    DROS_LAMBDA,
    SWITCH_TAU,
    PolicyEstimate,
    UndefinedEstimate,
    dm,
    dr,
    dros,
    ips,
    snips,
    switch_dr,
)
from oo_experiments.ope.evaluability import Evaluability, evaluability
from oo_experiments.ope.log import BanditLog
from oo_experiments.statistics.interval import CONFIDENCE_LEVEL

from oo_pipelines.ope.rounds_table import RoundsTable
from oo_pipelines.plain_values import to_plain

__all__ = ["ESTIMATORS", "EstimatorParameters", "Evaluation", "MissingColumn", "evaluate"]

ESTIMATORS = ("ips", "snips", "dm", "dr", "switch_dr", "dros")
BY_MODEL = frozenset({"dm", "dr", "switch_dr", "dros"})


class MissingColumn(ValueError):
    """An estimator was requested by name, and the table lacks a column that it needs; the message names it."""


@dataclass(frozen=True, slots=True)
class EstimatorParameters:
    """The parameters that a person may choose."""

    switch_tau: float = SWITCH_TAU
    dros_lambda: float = DROS_LAMBDA
    level: float = CONFIDENCE_LEVEL


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The value of a target policy on a log, and whether the log can tell it; `set_aside` rounds do not know the
    target.

    The verdict is of the log, for estimators that correct a model everywhere; `biased` says of each of the others why
    its own interval need not contain the truth.
    """

    target: str
    rounds: int
    users: int
    estimates: tuple[PolicyEstimate, ...]
    not_computed: Mapping[str, str]
    verdict: Evaluability
    parameters: EstimatorParameters
    set_aside: int = 0

    @property
    def biased(self) -> Mapping[str, str]:
        """The caution of each biased estimator, by its name."""
        return {item.estimator: why for item in self.estimates if (why := item.caution) is not None}

    def plain(self) -> dict[str, Any]:
        """Return the evaluation for JSON, which knows no infinity: a bound that is not known is null."""
        whole = {
            "target": self.target,
            "rounds": self.rounds,
            "users": self.users,
            "estimates": [item.plain() for item in self.estimates],
            "verdict": self.verdict.label,
            "reasons": list(self.verdict.reasons),
            "biased": dict(self.biased),
            "not_computed": dict(self.not_computed),
            "support_violations": asdict(self.verdict.support),
            "parameters": asdict(self.parameters),
            "set_aside": self.set_aside,
        }
        plain: dict[str, Any] = to_plain(whole)
        return plain


def evaluate(
    rounds: RoundsTable, name: str, estimators: Sequence[str], parameters: EstimatorParameters, *, strict: bool
) -> Evaluation:
    """Evaluate one target by the named estimators.

    With `strict`, an estimator that lacks a column is refused, not left out.

    Raises:
        UnknownTarget: there is no target of that name.
        BadLog: its columns hold what they must not.
        MissingColumn: with `strict`, an estimator lacks a column.
    """
    target = rounds.target(name)
    estimates, not_computed = [], {}
    for item in estimators:
        if item in BY_MODEL and target.lacking:
            if strict:
                raise MissingColumn(f"{item}: {target.lacking}")
            not_computed[item] = target.lacking
            continue
        try:
            estimates.append(_estimate(item, target.log, parameters))
        except UndefinedEstimate as error:
            not_computed[item] = str(error)
    return Evaluation(
        target=name,
        rounds=len(target.log),
        users=target.log.users,
        estimates=tuple(estimates),
        not_computed=not_computed,
        verdict=evaluability(target.log, rounds.names),
        parameters=parameters,
    )


def _estimate(name: str, log: BanditLog, parameters: EstimatorParameters) -> PolicyEstimate:
    functions: dict[str, Callable[..., PolicyEstimate]] = {
        "ips": ips,
        "snips": snips,
        "dm": dm,
        "dr": dr,
        "switch_dr": partial(switch_dr, tau=parameters.switch_tau),
        "dros": partial(dros, lambda_=parameters.dros_lambda),
    }
    return functions[name](log, level=parameters.level)
