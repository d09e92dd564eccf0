"""`oo-ml experiment beliefs` says what is left out of what it shows, whoever wrote it."""

from __future__ import annotations

import json

import pytest
from example_experiments import NOW
from oo_cli.app import app
from oo_consumers.beliefs.belief_writer import serialize
from oo_experiments.policies.beliefs import Beliefs, Contribution
from real_nats import Nats
from typer.testing import CliRunner


@pytest.mark.real
def test_what_is_none_is_left_out_and_said(tmp_path):
    nats = Nats(tmp_path)
    nats.start()
    try:
        nats.put("beliefs", "words", serialize("words", Beliefs().add(Contribution("v2", 1.0)), NOW))
        for key, value in {"number": b"3", "deep": b"[" * 200_000, "binary": b"\xff", "other": b"{}"}.items():
            nats.put("beliefs", key, value)

        shown = CliRunner().invoke(app, ["experiment", "beliefs", "--nats-url", nats.url])
        plain = CliRunner().invoke(app, ["experiment", "beliefs", "--nats-url", nats.url, "--output", "json"])
    finally:
        nats.stop()

    assert (shown.exit_code, plain.exit_code) == (0, 0), shown.output + plain.output
    assert json.loads(plain.stdout)["words"]["beliefs"] == {"arms": {"v2": [1, 1_000_000]}}
    assert sorted(line.split(":")[1] for line in shown.stderr.splitlines()) == sorted(
        f" beliefs of {key}" for key in ("number", "deep", "binary", "other")
    )
