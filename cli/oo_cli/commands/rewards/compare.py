"""The command `oo-ml rewards compare`. Exit code 2 for a table or a stack that is not there."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer
from oo_contracts.reward_table import BadRewards, RewardTable
from oo_pipelines.report.reward_comparison import RewardComparison, compare_rewards
from rich.markup import escape
from rich.table import Table

from oo_cli.options import DEFAULT_DATA_DIR, Data, Form, Output, StoreUrl
from oo_cli.stack_store import open_store
from oo_cli.terminal import console, refuse, say

__all__ = ["run"]

Side = Annotated[str, typer.Argument(help="A released version, or a TOML file.", show_default=False)]


def run(
    one: Side, other: Side, data: Data = DEFAULT_DATA_DIR, store_url: StoreUrl = None, output: Form = Output.TABLE
) -> None:
    """Compare all closed rounds by two tables: means of each policy and variant, and which pairs change order.

    They are means of what happened. What another policy would have earned is estimated by `oo-ml ope`.
    """
    try:
        tables = RewardTable.read(one), RewardTable.read(other)
    except BadRewards as error:
        refuse(str(error))
    with open_store(data, store_url) as store:
        comparison = compare_rewards(store, datetime.now(UTC), *tables)
    if output is Output.JSON:
        say(asdict(comparison))
    else:
        _show(comparison)


def _show(comparison: RewardComparison) -> None:
    table = Table(box=None, pad_edge=False)
    names = (
        "policy",
        "variant",
        *(f"rounds {name}" for name in comparison.tables),
        *(f"mean {name}" for name in comparison.tables),
    )
    for name in names:
        table.add_column(escape(name))
    for item in comparison.groups:
        means = ("-" if mean is None else f"{mean:.4f}" for mean in item.mean)
        table.add_row(escape(item.policy), escape(item.variant), *map(str, item.rounds), *means)
    console.print(table)
    console.print(f"{comparison.changed} of {min(comparison.rounds)} closed rounds are worth something else")
    for flip in comparison.flips:
        console.print(f"swapped: {flip.better} was ahead of {flip.worse}, and is behind it now", markup=False)
