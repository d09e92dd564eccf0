"""Every command of the README and of docs/ is run, as it stands there but for the port and the folder of the stack."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.embedded("the documents' commands are its")

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
ELSEWHERE = {
    "make up": "the stack of these tests is started by the command behind it",
    "make test": "is what runs this",
    ".venv/bin/oo-ml up --detach": "how the stack of these tests is started",
    ".venv/bin/oo-ml down": "how it is stopped",
    "make bench OUT=results": "takes ten minutes; a quick run of it is below",
    "make bench OUT=results ARGS=--document": "the same, and it writes into docs/performance.md",
    "make bench-check": "compares times, which a busy machine spoils; tests/benchmarks holds its verdict",
}
WITH_PY_SPY = re.compile(r"py-spy|make bench-flame")  # which is no package of ours


def commands():
    """Each command of the documents once, the README's first."""
    found = (command for path in DOCUMENTS for command in commands_of(path) if not WITH_PY_SPY.search(command))
    return list(dict.fromkeys(found))


def commands_of(path):
    """Each command of the bash blocks, joined over its lines, without its comment."""
    for block in re.findall(r"^```bash\n(.*?)^```", path.read_text(), re.MULTILINE | re.DOTALL):
        if block.startswith("curl"):
            yield block.strip()
        else:
            yield from (re.sub(r"\s+#.*", "", line) for line in block.strip().splitlines())


def test_the_readme_starts_with_two_commands():
    assert commands()[:2] == ["make up", "make test"]


@pytest.mark.parametrize("command", [command for command in commands() if command not in ELSEWHERE])
def test_a_documented_command_works(stack, command):
    here = command.replace("127.0.0.1:8080", f"127.0.0.1:{stack.port}")
    if command.startswith("make load"):
        here = here.replace('ARGS="', f'ARGS="--host {stack.url} ')
    environ = os.environ | {"OO_LOCAL_DATA": str(stack.data)}

    done = subprocess.run(["bash", "-c", here], cwd=ROOT, env=environ, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.strip()
    assert "problem+json" not in done.stdout


def test_the_configuration_table_is_current():
    done = subprocess.run(
        [sys.executable, "-P", "scripts/configuration.py", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
