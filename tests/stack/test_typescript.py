"""The recommender's own language against the running system."""

from __future__ import annotations

import json


def test_the_example_of_the_typescript_client_runs(stack, typescript):
    assert typescript.npm("run", "build").returncode == 0

    done = typescript.node("dist/example.js", stack.url)

    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["chosen"] in {"t-1", "t-2"}
    assert 0 < said["propensity"] <= 1
    assert said["stale"] == []
    assert (bool(said["tip"]), said["promptVersion"]) == (True, "v1")
    assert said["refused"] == {"status": 422, "pointers": ["/timezone"]}
