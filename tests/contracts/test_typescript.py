"""The TypeScript client: generated from the committed contract, strict, and broken by a contract that is another."""

from __future__ import annotations

import shutil

import pytest
from typescript import CONTRACTS, Client

pytestmark = pytest.mark.long


@pytest.fixture
def copy(typescript, tmp_path):
    """The client's sources once more, with the packages that are installed."""
    shutil.copy(CONTRACTS / "openapi.json", tmp_path / "openapi.json")
    folder = tmp_path / "typescript"
    shutil.copytree(typescript.folder, folder, ignore=shutil.ignore_patterns("node_modules", "dist"))
    (folder / "node_modules").symlink_to(typescript.folder / "node_modules")
    return Client(folder)


def test_what_is_committed_is_what_is_generated(copy):
    done = copy.npm("run", "generate")

    assert done.returncode == 0, done.stderr
    made, committed = (root / "src" / "openapi.ts" for root in (copy.folder, CONTRACTS / "typescript"))
    assert made.read_text() == committed.read_text(), "run `npm run generate` in contracts/typescript"


def test_client_and_example_compile_strictly(copy):
    done = copy.npm("run", "build")

    assert done.returncode == 0, done.stdout


def test_a_renamed_field_does_not_compile(copy):
    """All of them at once, because a run of the compiler takes ten seconds."""
    renamed = {"chosen": "picked", "prompt_version": "prompt", "user_id": "user", "fallbacks": "gaps"}
    contract = copy.folder.parent / "openapi.json"
    text = contract.read_text()
    for old, new in renamed.items():
        text = text.replace(f'"{old}"', f'"{new}"')
    contract.write_text(text)

    assert copy.npm("run", "generate").returncode == 0
    done = copy.npm("run", "build")

    errors = [line for line in done.stdout.splitlines() if line.startswith("src/example.ts")]
    assert done.returncode != 0
    assert {old for old in renamed if any(f"'{old}'" in line for line in errors)} == set(renamed), done.stdout


def test_the_lock_names_hashes_and_no_host():
    lock = (CONTRACTS / "typescript" / "package-lock.json").read_text()

    assert lock.count('"integrity": "sha512-') >= 30
    assert "resolved" not in lock
