"""The table of commands: each is imported when it is called, all are in it, and an extra that is missing is named."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from oo_cli import command_group
from oo_cli.app import COMMANDS, app
from typer.testing import CliRunner

PATHS = [
    words
    for name, entry in COMMANDS.items()
    for words in ([(name,)] if isinstance(entry, str) else [(name, command) for command in entry])
]
EMBEDDED = [words for words in PATHS if str(COMMANDS[words[0]]).startswith("embedded.")]
HEAVY = {"numpy", "pydantic", "sqlalchemy", "mlflow", "pyarrow", "nats", "asyncio", "oo_local", "oo_pipelines"}


def stub(words):
    group = typer.main.get_command(app)
    for word in words:
        group = group.commands[word]
    return group


@pytest.mark.parametrize("words", PATHS, ids=" ".join)
def test_a_command_is_listed_with_the_help_that_it_has(words):
    listed = stub(words)

    assert listed.help == listed.load().help


def test_each_command_in_the_folder_is_in_the_table():
    modules = {stub(words).module for words in PATHS}
    files = Path(command_group.__file__).with_name("commands").rglob("*.py")
    commands = {
        ".".join(path.with_suffix("").parts[path.parts.index("commands") + 1 :])
        for path in files
        if any(isinstance(node, ast.FunctionDef) and node.name == "run" for node in ast.parse(path.read_text()).body)
    }

    assert commands == modules


def test_help_imports_no_command():
    code = "import sys; from oo_cli.app import app; app(['--help'], standalone_mode=False); print(*sys.modules)"

    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)

    imported = set(done.stdout.splitlines()[-1].split())

    assert "oo_cli.app" in imported
    assert imported & HEAVY == set()


@pytest.mark.parametrize("words", EMBEDDED, ids=" ".join)
def test_a_command_of_the_stack_says_what_to_install(monkeypatch, words):
    for module in [name for name in sys.modules if name.startswith(("oo_local", "oo_cli.commands.embedded"))]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "oo_local", None)

    done = CliRunner().invoke(app, words)

    needs = f"`oo-ml {words[0]}` needs the embedded stack: install it by pip install 'oo-ml[local]'"
    assert (done.exit_code, done.stderr) == (2, f"oo-ml: {needs}\n")
