"""The command `oo-ml features list`."""

from __future__ import annotations

from oo_features.feature_sets import FEATURE_SETS
from rich.markup import escape
from rich.table import Table

from oo_cli.feature_snapshot import FeatureSetSnapshot, snapshot_of_code
from oo_cli.options import Form, Output
from oo_cli.terminal import print_wide, say

__all__ = ["run"]


def run(output: Form = Output.TABLE) -> None:
    """List every feature of every set of this code, in the order in which models see them."""
    snapshots = [snapshot_of_code(item) for item in FEATURE_SETS.values()]
    if output is Output.JSON:
        say([item.plain() for item in snapshots])
        return
    for item in snapshots:
        print_wide(_table(item))


def _table(snapshot: FeatureSetSnapshot) -> Table:
    table = Table(title=snapshot.ref, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for name in ("place", "feature", "dtype", "fallback", "bounds", "ttl", "source", "what it is"):
        table.add_column(name)
    for index, item in enumerate(snapshot.features):
        cells = (index, item.name, item.dtype, item.fallback, item.bounds, item.ttl, item.source, item.doc)
        table.add_row(*(escape(str(text)) for text in cells))
    return table
