"""Reports of the running stack's own rounds."""

from __future__ import annotations

import json

import pytest

pytestmark = pytest.mark.embedded("the command line reads the embedded stack's store")


@pytest.mark.parametrize("name", ["experiment", "prompts", "policies"])
def test_the_stacks_rounds_are_reported(stack, tmp_path, name):
    page = tmp_path / "page.html"

    done = stack.oo_ml("report", name, "--html", str(page), "--output", "json")

    assert json.loads(done.stdout)["rewards"] == "v1"
    assert page.read_text().startswith("<!doctype html>")
    if name == "policies":
        assert json.loads(done.stdout)["acted"]
