"""The committed documents are what the models say, and what the services do."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from oo_contracts import subjects

ROOT = Path(__file__).parents[2]
OPENAPI = json.loads((ROOT / "contracts" / "openapi.json").read_text())
ASYNCAPI = json.loads((ROOT / "contracts" / "asyncapi.json").read_text())


def test_the_committed_documents_are_current():
    done = subprocess.run(
        [sys.executable, "-P", "-m", "oo_contracts", "check"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr


def references(node):
    if isinstance(node, dict):
        yield from ([node["$ref"]] if "$ref" in node else [])
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


@pytest.mark.parametrize("document", [OPENAPI, ASYNCAPI], ids=["openapi", "asyncapi"])
def test_every_reference_leads_somewhere(document):
    for reference in references(document):
        at = document
        for step in reference.removeprefix("#/").split("/"):
            at = at[step]


def test_every_stream_has_a_channel():
    addresses = {channel["address"].split(".")[0] for channel in ASYNCAPI["channels"].values()}

    assert addresses == {stream.root for stream in subjects.STREAMS} - {subjects.DLQ_STREAM.root}


def test_every_route_says_how_it_refuses():
    for path in ("/score", "/generate"):
        responses = OPENAPI["paths"][path]["post"]["responses"]

        assert {"200", "400", "413", "415", "422", "503"} == set(responses)
