"""The command `oo-ml contract digest`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from oo_features.contract import contract_digest, profile_promises
from oo_features.registry_ts.contract_comparison import digest

from oo_cli.options import Form, Output
from oo_cli.registry_file import ABOUT_PATH, ExportName, read_registry
from oo_cli.terminal import console, say

__all__ = ["run"]

DigestedPath = Annotated[Path | None, typer.Argument(help=f"{ABOUT_PATH}; without it, our mirror.")]


def run(path: DigestedPath = None, output: Form = Output.TABLE, export: ExportName = None) -> None:
    """Print one number for names, ttlSec and dtypes; a running transformer shows its own at `/v2/models/tip-ranker`.

    A dtype that the registry does not declare counts as none: such a digest is never our mirror's.
    """
    digest_text = digest(read_registry(path, export, output)) if path else contract_digest(profile_promises())
    if output is Output.JSON:
        say({"contract_digest": digest_text})
    else:
        console.print(digest_text, soft_wrap=True)
