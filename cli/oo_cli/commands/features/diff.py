"""The command `oo-ml features diff`. Exit codes: 0 equal, 1 different, 2 not found or misused."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Annotated

import typer
from oo_model_cards.artifact import ArtifactError
from oo_model_cards.version import RegistryError
from rich.markup import escape
from rich.table import Table

from oo_cli.feature_snapshot import (
    FeatureDifference,
    FeatureSetSnapshot,
    feature_differences,
    snapshot_here,
    snapshot_of_reference,
)
from oo_cli.options import DEFAULT_DATA_DIR, Data, Form, Output
from oo_cli.running_stack import running_stack
from oo_cli.terminal import console, print_wide, refuse, say

__all__ = ["run"]

SIDE = "`code`, a feature set like ranker-v1@0ddbe6fbe79976c9, or a model like tip-ranker/2 or tip-ranker@champion"

Side = Annotated[str, typer.Argument(help=f"{SIDE}.", show_default=False)]
Tracking = Annotated[str | None, typer.Option(help="URL of MLflow; without it, the running stack's.")]


def run(
    one: Side,
    other: Side = "code",
    data: Data = DEFAULT_DATA_DIR,
    tracking_uri: Tracking = None,
    output: Form = Output.TABLE,
) -> None:
    """Compare fingerprint, names, order, dtypes, fallbacks, bounds, TTLs, sources, and the code of each feature.

    What a published model was trained on is in its card. What an older card does not record is shown as not recorded,
    and never as equal. Where the fingerprint alone differs, code has changed that features share.

    Exit code 0: equal. 1: different. 2: one of them cannot be found.
    """
    sides = _snapshot(one, data, tracking_uri), _snapshot(other, data, tracking_uri)
    differences = feature_differences(*sides)
    if output is Output.JSON:
        plain = [
            {"feature": item.feature, "kind": item.kind, "one": item.one, "other": item.other} for item in differences
        ]
        say({"equal": not differences, "one": sides[0].ref, "other": sides[1].ref, "differences": plain})
    elif differences:
        print_wide(_table(differences, one, other))
    else:
        console.print(f"equal: {len(sides[0].features)} features of {sides[0].ref}", soft_wrap=True)
    raise typer.Exit(1 if differences else 0)


def _snapshot(side: str, data: Path, tracking_uri: str | None) -> FeatureSetSnapshot:
    """Return the snapshot that a word names; MLflow is imported and called only when this code does not know it."""
    if (known := snapshot_here(side)) is not None:
        return known
    url = tracking_uri or running_stack(data, "--tracking-uri", 2).mlflow_url
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    from oo_model_cards.registry import Registry  # noqa: PLC0415  # MLflow, takes seconds

    logging.getLogger("mlflow").setLevel(logging.WARNING)
    try:
        return snapshot_of_reference(side, Registry(url))
    except ValueError:
        refuse(f"{side} is none of {SIDE}")
    except (RegistryError, ArtifactError) as error:
        refuse(f"{side}: {error}")


def _table(differences: tuple[FeatureDifference, ...], one: str, other: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("feature", "difference", one, other):
        table.add_column(escape(name))
    for item in differences:
        table.add_row(*map(escape, (item.feature or "all", item.kind, item.one, item.other)))
    return table
