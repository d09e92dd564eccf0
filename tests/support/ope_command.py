"""The command `oo-ml ope`, in this process."""

from __future__ import annotations

import json

from oo_cli.app import app
from typer.testing import CliRunner

__all__ = ["evaluated", "run_ope"]


def run_ope(*words):
    return CliRunner().invoke(app, ["ope", *map(str, words)])


def evaluated(*words):
    """Its JSON, where it went well."""
    done = run_ope(*words, "--output", "json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)
