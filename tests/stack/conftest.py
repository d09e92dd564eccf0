"""The whole system: the embedded stack, started once by the command a person would use and stopped by it; or, with
`--target cluster`, a release on a cluster, for the same behaviour."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from waiting import free_span, stopped

OO_ML = Path(sys.prefix) / "bin" / "oo-ml"
BUDGET_MS = "2000"  # as on the test cluster: what degrades an answer is a fault, and not the machine


@dataclass(frozen=True)
class Stack:
    """A running stack: its address, its data, and the command line that rules it."""

    data: Path
    port: int

    @property
    def program(self) -> Path:
        return OO_ML

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def nats_url(self) -> str:
        return self.status()["nats_url"]

    @property
    def store_url(self) -> str:
        return self.status()["store_url"]

    def oo_ml(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run the command line against this stack."""
        environ = os.environ | {"OO_LOCAL_DATA": str(self.data), "NO_COLOR": "1", "OO_TRANSFORMER_BUDGET_MS": BUDGET_MS}
        return subprocess.run([OO_ML, *words], env=environ, capture_output=True, text=True, check=check, timeout=300)

    def status(self) -> dict:
        return json.loads(self.oo_ml("status", "--output", "json", check=False).stdout)

    def process(self, name: str) -> dict:
        return next(item for item in self.status()["processes"] if item["name"] == name)

    @contextlib.contextmanager
    def frozen(self, name: str):
        """A process that holds its port and its connections, and answers nothing."""
        with stopped([self.process(name)["pid"]]):
            yield

    def train(self) -> dict:
        """Run the training pipeline now; what it says of its outcome."""
        return json.loads(self.oo_ml("train", "--output", "json").stdout)

    def post(self, route: str, body: dict, **headers: str) -> httpx.Response:
        return httpx.post(f"{self.url}{route}", json=body, headers=headers, timeout=30)


SMOKE_TESTS = {"test_score.py", "test_generate.py", "test_feedback.py", "test_bad_input.py"}  # of `make test`


def pytest_collection_modifyitems(items):
    """A stack is twenty processes and a language model: beside other tests it would be too slow to write a tip."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("alone")
            if item.path.name not in SMOKE_TESTS:
                item.add_marker("long")


@pytest.fixture(scope="session")
def stack(request, tmp_path_factory):
    if request.config.getoption("--target") == "cluster":
        yield request.getfixturevalue("release")
        return
    with running(tmp_path_factory.mktemp("stack")) as stack:
        yield stack


@pytest.fixture(scope="module")
def own_stack(tmp_path_factory):
    """A stack that a module may change as it likes."""
    with running(tmp_path_factory.mktemp("own")) as stack:
        yield stack


@contextlib.contextmanager
def running(data: Path):
    stack = Stack(data, free_span())
    started = stack.oo_ml("up", "--detach", "--port", str(stack.port), check=False)
    assert started.returncode == 0, started.stdout + started.stderr
    try:
        yield stack
    finally:
        stack.oo_ml("down")
