"""The TypeScript client in a folder of its own, its packages installed as its lock says."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

__all__ = ["CONTRACTS", "Client", "install"]

CONTRACTS = Path(__file__).parents[2] / "contracts"
COMMITTED = shutil.ignore_patterns("node_modules", "dist")


@dataclass(frozen=True)
class Client:
    """A copy that a test may change."""

    folder: Path

    def npm(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["npm", *words], cwd=self.folder, capture_output=True, text=True, check=False)

    def node(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["node", *words], cwd=self.folder, capture_output=True, text=True, check=False)


def install(folder: Path) -> Client:
    """The contract, the client beside it, and its packages by hash."""
    shutil.copy(CONTRACTS / "openapi.json", folder / "openapi.json")
    client = Client(shutil.copytree(CONTRACTS / "typescript", folder / "typescript", ignore=COMMITTED))
    done = client.npm("ci", "--no-fund", "--no-audit")
    assert done.returncode == 0, done.stderr
    return client
