"""`oo-ml rewards list` and `oo-ml rewards compare`. Exit code 2 for a table or a stack that is not there."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, get_args

import typer
from oo_contracts.rewards import BadRewards, Reaction, RewardTable, released
from rich.markup import escape
from rich.table import Table

from oo_local.show import Output
from oo_local.terminal import HERE, Data, Form, StoreUrl, console, refuse, say, store_of

if TYPE_CHECKING:
    from oo_pipelines.revalue import Compared

__all__ = ["rewards"]

rewards = typer.Typer(
    no_args_is_help=True,
    help="""What reactions are worth. Reactions are stored, rewards derived: a new table re-values all of history.

    `oo-ml rewards compare v1 mine.toml` shows what would change; `oo-ml train --rewards mine.toml` learns by it.
    """,
)

Side = Annotated[str, typer.Argument(help="A released version, or a TOML file.", show_default=False)]


@rewards.command("list")
def listed(output: Form = Output.TABLE) -> None:
    """The released tables."""
    found = [RewardTable.read(version) for version in released()]
    if output is Output.JSON:
        say([item.model_dump() for item in found])
        return
    table = Table(box=None, pad_edge=False)
    for name in ("version", "aggregate", "wait", *get_args(Reaction)):
        table.add_column(name)
    for item in found:
        worth = (f"{item.values[kind]:g}" for kind in get_args(Reaction))
        table.add_row(item.version, item.aggregate, f"{item.wait_hours:g} h", *worth)
    console.print(table)


@rewards.command()
def compare(one: Side, other: Side, data: Data = HERE, store_url: StoreUrl = None, output: Form = Output.TABLE) -> None:
    """All closed rounds by two tables: means of each policy and variant, and which of them swap places.

    They are means of what happened. What another policy would have earned is `oo-ml ope`.
    """
    from oo_consumers.store import Store as EffectStore  # noqa: PLC0415  # SQLAlchemy
    from oo_consumers.store import StoreError, Unavailable  # noqa: PLC0415
    from oo_pipelines import revalue  # noqa: PLC0415

    try:
        tables = RewardTable.read(one), RewardTable.read(other)
        store = EffectStore.open(store_of(data, store_url))
    except (BadRewards, StoreError, Unavailable) as error:
        refuse(str(error))
    try:
        found = revalue.compare(store, datetime.now(UTC), *tables)
    finally:
        store.close()
    if output is Output.JSON:
        say(asdict(found))
    else:
        _show(found)


def _show(found: Compared) -> None:
    table = Table(box=None, pad_edge=False)
    names = (
        "policy",
        "variant",
        *(f"rounds {name}" for name in found.tables),
        *(f"mean {name}" for name in found.tables),
    )
    for name in names:
        table.add_column(escape(name))
    for item in found.groups:
        means = ("-" if mean is None else f"{mean:.4f}" for mean in item.mean)
        table.add_row(escape(item.policy), escape(item.variant), *map(str, item.rounds), *means)
    console.print(table)
    console.print(f"{found.changed} of {min(found.rounds)} closed rounds are worth something else")
    for flip in found.flips:
        console.print(f"swapped: {flip.better} was ahead of {flip.worse}, and is behind it now", markup=False)
