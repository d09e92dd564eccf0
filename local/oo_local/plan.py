"""`oo-ml plan`: what an experiment will take, before it starts. Exit code 2 for what cannot be planned."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from oo_local.show import Output
from oo_local.terminal import console, refuse, say

__all__ = ["plan"]

ROWS = {"fixed": "fixed", "always_valid": "always-valid", "always_valid_median": "always-valid, median"}


def plan(
    *,
    effect: Annotated[float | None, typer.Option(help="Least difference worth finding, per round.")] = None,
    relative_effect: Annotated[
        float | None, typer.Option(help="The same as a share of the mean: 0.1 is +10 %.")
    ] = None,
    mean: Annotated[float | None, typer.Option(help="Reward of a round at present.")] = None,
    sd: Annotated[float | None, typer.Option(help="Its spread; without it, rewards are 0 or 1.")] = None,
    split: Annotated[float | None, typer.Option(help="Share of users who get the challenger (0.5).")] = None,
    propensity_floor: Annotated[
        float | None, typer.Option(help="Off-policy: least propensity of any action in the log to come.")
    ] = None,
    differs: Annotated[
        float, typer.Option(help="Off-policy: share of rounds where the challenger wants another action.")
    ] = 1.0,
    log: Annotated[Path | None, typer.Option(help="Off-policy: a log like the one to come, Parquet or CSV.")] = None,
    target: Annotated[str | None, typer.Option(help="x of the log's column target_x, or `uniform`.")] = None,
    rounds_per_user: Annotated[float | None, typer.Option(help="While the experiment runs (1).")] = None,
    icc: Annotated[
        float | None, typer.Option(help="Correlation of two rounds of a user (0); off-policy, of their weights.")
    ] = None,
    rounds_per_day: Annotated[float | None, typer.Option(help="Of all users together, for the days.")] = None,
    alpha: Annotated[float, typer.Option(help="Chance to see a difference where there is none.")] = 0.05,
    power: Annotated[float, typer.Option(help="Chance to see the difference where it is.")] = 0.8,
    tuning: Annotated[float, typer.Option(help="Users at which the always-valid interval is tightest.")] = 5000,
    output: Annotated[Output, typer.Option(help="For people or for programs.")] = Output.TABLE,
) -> None:
    """How many rounds, and days, until challenger and champion can be told apart.

    **Split**: each user gets one of the two. Reward is 0.2 now; is the challenger 10 % better?

        oo-ml plan --mean 0.2 --relative-effect 0.1 --rounds-per-user 5 --icc 0.1 --rounds-per-day 2000

    **Off-policy**: the champion acts, the challenger is judged by the logged propensities, and nobody sees it.

        oo-ml plan --mean 0.2 --effect 0.02 --propensity-floor 0.05 --differs 0.4

        oo-ml plan --log rounds.csv --target challenger --effect 0.02

    The log has the columns of `oo-ml ope`: `request_id, user_id, action, n_actions, propensity, reward, target_x`; the
    mean, the users and their rounds come from it.

    *fixed*: one look, at the end. *always-valid*: looks at any time; half of such experiments end by its median.
    The last line says what would need half of the users: another floor, or another split.
    """
    from oo_local.planned import BadPlan, Options, needed  # noqa: PLC0415  # numpy, pyarrow

    try:
        options = Options(
            effect=effect, relative_effect=relative_effect, mean=mean, sd=sd, split=split, differs=differs, log=log,
            propensity_floor=propensity_floor, target=target, rounds_per_user=rounds_per_user, icc=icc,
            rounds_per_day=rounds_per_day, alpha=alpha, power=power, tuning=tuning,
        )  # fmt: skip
        found = needed(options)
    except BadPlan as error:
        refuse(str(error))
    if output is Output.JSON:
        say(found)
    else:
        _show(found)


def _show(found: Mapping[str, Any]) -> None:
    console.print(
        f"{escape(found['comparison'])}: {found['effect']:+.4g} per round, where the mean is {found['mean']:.4g}; "
        f"chance to see it {found['power']:.0%}, to see what is not there {found['alpha']:.0%}",
        soft_wrap=True,
    )
    table = Table(box=None, pad_edge=False)
    table.add_column("interval")
    for name in ("users", "rounds", "days"):
        table.add_column(name, justify="right")
    for name, shown in ROWS.items():
        days = found[name]["days"]
        table.add_row(
            shown, f"{found[name]['users']:,}", f"{found[name]['rounds']:,}", "-" if days is None else f"{days:,.1f}"
        )
    console.print(table)
    console.print(_half(found["halving"]))


def _half(halving: Mapping[str, float] | None) -> str:
    if halving is None:
        return "half of the users: not by other logging or another split"
    return "half of the users: " + ", ".join(f"{name.replace('_', ' ')} {value:.4g}" for name, value in halving.items())
