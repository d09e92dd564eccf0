"""The command `oo-ml replay`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from oo_cli.commands.embedded.batch_job import run_job
from oo_cli.options import DEFAULT_DATA_DIR, Data, Form, Output, Since

__all__ = ["ReplaySource", "run"]


class ReplaySource(StrEnum):
    """Where replay reads decisions."""

    STORE = "store"
    LOG = "log"
    BOTH = "both"


def run(
    data: Data = DEFAULT_DATA_DIR,
    *,
    since: Since = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Largest number of decisions to replay, oldest first.")
    ] = None,
    allow_other_fingerprints: Annotated[
        bool, typer.Option("--allow-other-fingerprints", help="Do not fail because of decisions of other features.")
    ] = False,
    allow_missing_models: Annotated[
        bool, typer.Option("--allow-missing-models", help="Do not fail because of models that are gone.")
    ] = False,
    allow_unsealed: Annotated[
        bool, typer.Option("--allow-unsealed", help="Do not fail because of decisions without checksums.")
    ] = False,
    source: Annotated[
        ReplaySource, typer.Option(help="What to read; `both` replays the store and compares it with the log.")
    ] = ReplaySource.BOTH,
    output: Form = Output.TABLE,
) -> None:
    """Recompute every logged decision from its event alone, and compare bit for bit.

    The columns beside each event are compared with it, rows that are gone are counted, and every event of the store is
    compared with the offline log's.

    Exit code 0: no difference. 1: differences, or decisions that could not be compared. 2: misuse.
    """
    run_job(
        data,
        output,
        "replay",
        since=since,
        limit=limit,
        allow_other_fingerprints=allow_other_fingerprints,
        allow_missing_models=allow_missing_models,
        allow_unsealed=allow_unsealed,
        source=source,
    )
