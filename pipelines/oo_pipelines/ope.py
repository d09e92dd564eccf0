"""Every estimator asked for on one table and one target, and what cannot be computed with its reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from oo_experiments.ope.estimators import LAMBDA, TAU, Estimate, Undefined, dm, dr, dros, ips, snips, switch_dr
from oo_experiments.ope.interval import LEVEL
from oo_experiments.ope.log import Log
from oo_experiments.ope.verdict import Verdict, judge

from oo_pipelines.ope_table import Rounds
from oo_pipelines.plain import plain

__all__ = ["ESTIMATORS", "Evaluation", "Lacking", "Parameters", "evaluate"]

ESTIMATORS = ("ips", "snips", "dm", "dr", "switch_dr", "dros")
BY_MODEL = frozenset({"dm", "dr", "switch_dr", "dros"})


class Lacking(ValueError):
    """An estimator was asked for by name, and the table has not what it needs; the message names the column."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """What a person may choose."""

    switch_tau: float = TAU
    dros_lambda: float = LAMBDA
    level: float = LEVEL


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What a target policy is worth on a log, and whether the log can say so. `set_aside` rounds do not know it."""

    target: str
    rounds: int
    users: int
    estimates: tuple[Estimate, ...]
    not_computed: Mapping[str, str]
    verdict: Verdict
    parameters: Parameters
    set_aside: int = 0

    def plain(self) -> dict[str, Any]:
        """For JSON, which knows no infinity: a bound that is not known is null."""
        whole = {
            "target": self.target,
            "rounds": self.rounds,
            "users": self.users,
            "estimates": [item.plain() for item in self.estimates],
            "verdict": self.verdict.said,
            "reasons": list(self.verdict.reasons),
            "not_computed": dict(self.not_computed),
            "support_violations": asdict(self.verdict.support),
            "parameters": asdict(self.parameters),
            "set_aside": self.set_aside,
        }
        found: dict[str, Any] = plain(whole)
        return found


def evaluate(rounds: Rounds, name: str, estimators: Sequence[str], by: Parameters, *, strict: bool) -> Evaluation:
    """`strict`: an estimator that lacks a column is refused, not left out.

    Raises:
        UnknownTarget: no target of that name.
        BadLog: its columns hold what they must not.
        Lacking: see `strict`.
    """
    target = rounds.target(name)
    estimates, not_computed = [], {}
    for item in estimators:
        if item in BY_MODEL and target.lacking:
            if strict:
                raise Lacking(f"{item}: {target.lacking}")
            not_computed[item] = target.lacking
            continue
        try:
            estimates.append(_estimate(item, target.log, by))
        except Undefined as error:
            not_computed[item] = str(error)
    return Evaluation(
        target=name,
        rounds=len(target.log),
        users=target.log.users,
        estimates=tuple(estimates),
        not_computed=not_computed,
        verdict=judge(target.log, rounds.names),
        parameters=by,
    )


def _estimate(name: str, log: Log, by: Parameters) -> Estimate:
    functions: dict[str, Callable[..., Estimate]] = {
        "ips": ips,
        "snips": snips,
        "dm": dm,
        "dr": dr,
        "switch_dr": partial(switch_dr, tau=by.switch_tau),
        "dros": partial(dros, lambda_=by.dros_lambda),
    }
    return functions[name](log, level=by.level)
