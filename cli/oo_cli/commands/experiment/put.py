"""The command `oo-ml experiment put`. Exit code 2 for a file that is no experiment."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated

import typer
from oo_decisions.experiment_overlay import require_known_prompts
from oo_experiments.assignment.experiment import HOLDOUT, BadExperiment, Experiment, Holdout, parse_definition
from oo_prompts.prompt_registry import load_prompts

from oo_cli.nats_buckets import put_experiment
from oo_cli.options import DEFAULT_DATA_DIR, Data, NatsUrl
from oo_cli.terminal import console, refuse, refuse_all

__all__ = ["run"]


def run(
    file: Annotated[Path, typer.Argument(help="A TOML file; `holdout.toml` is the holdout.", show_default=False)],
    data: Data = DEFAULT_DATA_DIR,
    nats_url: NatsUrl = None,
) -> None:
    """Define an experiment by a file, or replace the one of its key: it is in force within a second, everywhere.

    The least file: `key = "mine"`, `purpose = "why"`, and below them `[[variants]]` with `name = "only"`, `weight = 1`,
    `policy = { kind = "thompson", floor = 0.05 }`. The README has a longer one; every wrong field is named.
    """
    definition = _definition(file)
    try:
        require_known_prompts(definition, frozenset(load_prompts()))
    except BadExperiment as error:
        refuse(f"{file}: {error}")
    key = definition.key if isinstance(definition, Experiment) else HOLDOUT
    put_experiment(data, nats_url, key, definition.model_dump_json().encode())
    console.print(f"{key} is defined; `oo-ml experiment drop {key}` takes it back", markup=False)


def _definition(file: Path) -> Experiment | Holdout:
    try:
        return parse_definition(file.name, tomllib.loads(file.read_text()))
    except OSError as error:
        refuse(f"{file} cannot be read: {error.strerror}")
    except BadExperiment as error:
        refuse_all(f"{file} is no experiment", error.mistakes)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        refuse(f"{file}: {error}")
