"""The command `oo-ml rewards list`."""

from __future__ import annotations

from typing import get_args

from oo_contracts.reward_table import Reaction, RewardTable, released_versions
from rich.table import Table

from oo_cli.options import Form, Output
from oo_cli.terminal import console, say

__all__ = ["run"]


def run(output: Form = Output.TABLE) -> None:
    """List the released reward tables."""
    tables = [RewardTable.read(version) for version in released_versions()]
    if output is Output.JSON:
        say([item.model_dump() for item in tables])
        return
    table = Table(box=None, pad_edge=False)
    for name in ("version", "aggregate", "wait", *get_args(Reaction)):
        table.add_column(name)
    for item in tables:
        values = (f"{item.values[kind]:g}" for kind in get_args(Reaction))
        table.add_row(item.version, item.aggregate, f"{item.wait_hours:g} h", *values)
    console.print(table)
