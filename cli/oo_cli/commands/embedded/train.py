"""The command `oo-ml train`."""

from __future__ import annotations

from oo_cli.commands.embedded.batch_job import run_job
from oo_cli.options import DEFAULT_DATA_DIR, Data, Form, Output, Rewards
from oo_cli.terminal import console

__all__ = ["run"]


def run(data: Data = DEFAULT_DATA_DIR, rewards: Rewards = "v1", output: Form = Output.TABLE) -> None:
    """Train on all closed rounds and register the version; the gate decides its alias.

    A version after the first becomes the challenger: it gets copies of live calls, and nobody sees its answers.
    """
    run_job(data, output, "train", rewards=rewards)
    if output is Output.TABLE:
        console.print("next: `oo-ml status` shows the challenger being mirrored; its card is in MLflow, beside its run")
