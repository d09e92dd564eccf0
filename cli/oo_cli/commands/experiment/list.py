"""The command `oo-ml experiment list`."""

from __future__ import annotations

from typing import Any

from oo_experiments.assignment.experiment import Experiment

from oo_cli.experiment_definitions import DefinitionEntry, definitions_with
from oo_cli.nats_buckets import experiment_revisions
from oo_cli.options import DEFAULT_DATA_DIR, Data, Form, NatsUrl, Output
from oo_cli.render_rows import print_rows
from oo_cli.terminal import console, say

__all__ = ["run"]

COLOURS = {"running": "green", "not yet": "yellow", "stopped": "dim"}
MODES = {"active": "", "shadow": "only watches", "apprentice": "watches the baseline act"}


def run(data: Data = DEFAULT_DATA_DIR, nats_url: NatsUrl = None, output: Form = Output.TABLE) -> None:
    """List every experiment and the holdout, as the transformers see them."""
    definitions = definitions_with(experiment_revisions(data, nats_url))
    if output is Output.JSON:
        say([item.plain() for item in definitions.values()])
        return
    for item in definitions.values():
        _show(item)
    if not definitions:
        console.print("nothing runs: everybody gets the default policy")


def _show(definition: DefinitionEntry) -> None:
    """Print a line for the whole experiment, and one for each policy below it."""
    item = definition.item
    if not isinstance(item, Experiment):
        print_rows(
            definition.key, f"{item.share:.1%} of users get the baseline everywhere, from {definition.source}", ()
        )
        return
    decision = f"draws {', '.join(item.prompts)} for" if item.prompts else "ranks for"
    state = f"[{COLOURS[definition.state]}]{definition.state}[/]"
    summary = f"{state}, {decision} {item.coverage:.0%} of {item.unit}s, from {definition.source}"
    variants = [
        (variant.name, f"{variant.weight:.0%}", _policy(variant.policy), MODES[variant.mode])
        for variant in item.variants
    ]
    shadows = [("", "", _policy(shadow), MODES["shadow"]) for shadow in item.shadows]
    print_rows(definition.key, summary, [*variants, *shadows])


def _policy(policy: Any) -> str:
    return " ".join((policy.kind, *(f"{name}={value:g}" for name, value in policy.parameters.items())))
