"""`oo-ml features list` and `oo-ml features diff`. Exit codes: 0 equal, 1 different, 2 not found or not said right."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from oo_local.show import Output
from oo_local.terminal import HERE, Data, Form, console, print_wide, refuse, running, say

if TYPE_CHECKING:
    from oo_local.described import Apart, Described

__all__ = ["features"]

features = typer.Typer(no_args_is_help=True, help="Feature sets: what models see, and what differs between two.")
SIDE = "`code`, a feature set like ranker-v1@0ddbe6fbe79976c9, or a model like tip-ranker/2 or tip-ranker@champion"

Side = Annotated[str, typer.Argument(help=f"{SIDE}.", show_default=False)]
Tracking = Annotated[str | None, typer.Option(help="MLflow's address; without it, the running stack's.")]


@features.command("list")
def listed(output: Form = Output.TABLE) -> None:
    """Every feature of every set of this code, in the order in which models see them."""
    from oo_features.sets import FEATURE_SETS  # noqa: PLC0415

    from oo_local.described import of_code  # noqa: PLC0415

    found = [of_code(item) for item in FEATURE_SETS.values()]
    if output is Output.JSON:
        say([item.plain() for item in found])
    else:
        for item in found:
            print_wide(_set(item))


@features.command()
def diff(
    one: Side, other: Side = "code", data: Data = HERE, tracking_uri: Tracking = None, output: Form = Output.TABLE
) -> None:
    """What differs: fingerprint, names, order, dtypes, fallbacks, bounds, TTLs, sources, and the code of each feature.

    What a published model was trained on is in its card. What an older card does not say is shown as not recorded,
    and never as equal. Where the fingerprint alone differs, code has changed that features share.

    Exit code 0: equal. 1: different. 2: one of them cannot be found.
    """
    from oo_local.described import apart  # noqa: PLC0415

    sides = _described(one, data, tracking_uri), _described(other, data, tracking_uri)
    found = apart(*sides)
    if output is Output.JSON:
        plain = [{"feature": item.feature, "kind": item.kind, "one": item.one, "other": item.other} for item in found]
        say({"equal": not found, "one": sides[0].ref, "other": sides[1].ref, "differences": plain})
    elif found:
        print_wide(_differences(found, one, other))
    else:
        console.print(f"equal: {len(sides[0].features)} features of {sides[0].ref}", soft_wrap=True)
    raise typer.Exit(1 if found else 0)


def _described(side: str, data: Path, tracking_uri: str | None) -> Described:
    """What is behind a word; MLflow is imported and asked only when this code does not know it."""
    from oo_local.described import of_reference, present  # noqa: PLC0415

    if (known := present(side)) is not None:
        return known
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    from oo_model_cards.artifact import ArtifactError  # noqa: PLC0415
    from oo_model_cards.registry import Registry, RegistryError  # noqa: PLC0415  # MLflow, takes seconds

    logging.getLogger("mlflow").setLevel(logging.WARNING)
    try:
        return of_reference(side, Registry(tracking_uri or running(data, "--tracking-uri", 2).mlflow_url))
    except ValueError:
        refuse(f"{side} is none of {SIDE}")
    except (RegistryError, ArtifactError) as error:
        refuse(f"{side}: {error}")


def _set(of: Described) -> Table:
    table = Table(title=of.ref, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for name in ("place", "feature", "dtype", "fallback", "bounds", "ttl", "source", "what it is"):
        table.add_column(name)
    for place, item in enumerate(of.features):
        said = (place, item.name, item.dtype, item.fallback, item.bounds, item.ttl, item.source, item.doc)
        table.add_row(*(escape(str(text)) for text in said))
    return table


def _differences(found: tuple[Apart, ...], one: str, other: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("feature", "difference", one, other):
        table.add_column(escape(name))
    for item in found:
        table.add_row(*map(escape, (item.feature or "all", item.kind, item.one, item.other)))
    return table
