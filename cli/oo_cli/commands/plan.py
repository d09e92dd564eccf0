"""The command `oo-ml plan`: what an experiment will take, before it starts. Exit code 2 for an impossible plan."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from oo_cli.options import Form, Output
from oo_cli.plan_options import BadPlan, PlanOptions
from oo_cli.sample_size import sample_size
from oo_cli.terminal import console, refuse, say

__all__ = ["run"]

UNHONOURED = (
    "--tuning is no option any more: reports and `oo-ml ope` have always-valid intervals that are tightest at 5,000 "
    "users, so a plan for another number would be for an experiment that nobody can evaluate"
)
ROWS = {"fixed": "fixed", "always_valid": "always-valid", "always_valid_median": "always-valid, median"}


def run(
    *,
    effect: Annotated[
        float | None, typer.Option(help="Smallest difference worth finding, in reward per round.")
    ] = None,
    relative_effect: Annotated[
        float | None, typer.Option(help="Smallest difference worth finding, as a share of the mean: 0.1 is +10 %.")
    ] = None,
    mean: Annotated[float | None, typer.Option(help="Mean reward of a round at present.")] = None,
    sd: Annotated[
        float | None, typer.Option(help="Standard deviation of the reward; without it, rewards are 0 or 1.")
    ] = None,
    split: Annotated[float | None, typer.Option(help="Share of users who get the challenger (0.5).")] = None,
    propensity_floor: Annotated[
        float | None, typer.Option(help="Off-policy: smallest propensity of any action in the log to come.")
    ] = None,
    differs: Annotated[
        float, typer.Option(help="Off-policy: share of rounds where the challenger wants another action.")
    ] = 1.0,
    log: Annotated[Path | None, typer.Option(help="Off-policy: a log like the one to come, Parquet or CSV.")] = None,
    target: Annotated[
        str | None, typer.Option(help="Target policy: x of the log's column target_x, or `uniform`.")
    ] = None,
    rounds_per_user: Annotated[
        float | None, typer.Option(help="Rounds of each user while the experiment runs (1).")
    ] = None,
    icc: Annotated[
        float | None, typer.Option(help="Correlation of two rounds of a user (0); off-policy, of their weights.")
    ] = None,
    rounds_per_day: Annotated[
        float | None, typer.Option(help="Rounds of all users together in a day, from which the days follow.")
    ] = None,
    alpha: Annotated[float, typer.Option(help="Probability of finding a difference where there is none.")] = 0.05,
    power: Annotated[float, typer.Option(help="Probability of finding the difference where there is one.")] = 0.8,
    tuning: Annotated[float | None, typer.Option(hidden=True)] = None,
    output: Form = Output.TABLE,
) -> None:
    """Compute how many rounds, and days, it takes to tell challenger and champion apart.

    **Split**: each user gets one of the two. Reward is 0.2 now; is the challenger 10 % better?

        oo-ml plan --mean 0.2 --relative-effect 0.1 --rounds-per-user 5 --icc 0.1 --rounds-per-day 2000

    **Off-policy**: the champion acts, the challenger is judged by the logged propensities, and nobody sees it.

        oo-ml plan --mean 0.2 --effect 0.02 --propensity-floor 0.05 --differs 0.4

        oo-ml plan --log rounds.csv --target challenger --effect 0.02

    The log has the columns of `oo-ml ope`: `request_id, user_id, action, n_actions, propensity, reward, target_x`; the
    mean, the users and their rounds come from it.

    *fixed*: one look, at the end. *always-valid*: looks at any time; half of such experiments end by its median. It is
    the interval of reports and of `oo-ml ope`, tightest at 5,000 users.
    The last line says what would need half of the users: another floor, or another split.
    """
    if tuning is not None:
        refuse(UNHONOURED)
    try:
        options = PlanOptions(
            effect=effect, relative_effect=relative_effect, mean=mean, sd=sd, split=split, differs=differs, log=log,
            propensity_floor=propensity_floor, target=target, rounds_per_user=rounds_per_user, icc=icc,
            rounds_per_day=rounds_per_day, alpha=alpha, power=power,
        )  # fmt: skip
        size = sample_size(options)
    except BadPlan as error:
        refuse(str(error))
    if output is Output.JSON:
        say(size)
    else:
        _show(size)


def _show(result: Mapping[str, Any]) -> None:
    console.print(
        f"{escape(result['comparison'])}: {result['effect']:+.4g} per round, where the mean is {result['mean']:.4g}; "
        f"chance to see it {result['power']:.0%}, to see what is not there {result['alpha']:.0%}",
        soft_wrap=True,
    )
    table = Table(box=None, pad_edge=False)
    table.add_column("interval")
    for name in ("users", "rounds", "days"):
        table.add_column(name, justify="right")
    for name, shown in ROWS.items():
        days = result[name]["days"]
        table.add_row(
            shown, f"{result[name]['users']:,}", f"{result[name]['rounds']:,}", "-" if days is None else f"{days:,.1f}"
        )
    console.print(table)
    console.print(_half(result["halving"]))


def _half(halving: Mapping[str, float] | None) -> str:
    if halving is None:
        return "half of the users: not by other logging or another split"
    return "half of the users: " + ", ".join(f"{name.replace('_', ' ')} {value:.4g}" for name, value in halving.items())
