"""`oo-ml replay` hands its options on to the pipelines; `--since` reads what it reads elsewhere."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from oo_cli.app import app
from oo_cli.commands.embedded import replay
from oo_cli.commands.embedded.batch_job import job_words
from typer.testing import CliRunner


@pytest.fixture
def words(monkeypatch):
    """What the job was called with, by the options of a command line."""

    def words_of(*options):
        called = []
        monkeypatch.setattr(
            replay, "run_job", lambda _data, _output, name, **options: called.extend(job_words(name, **options))
        )
        assert CliRunner().invoke(app, ["replay", *options]).exit_code == 0
        return called

    return words_of


def test_a_duration_is_so_long_before_now(words):
    before = datetime.now(UTC)

    name, _, since = words("--since", "7d")[1].partition("=")

    assert name == "--since"
    assert before - timedelta(days=7) <= datetime.fromisoformat(since) <= datetime.now(UTC) - timedelta(days=7)


@pytest.mark.parametrize(
    ("since", "instant"),
    [("2026-11-01", "2026-11-01T00:00:00+00:00"), ("2026-11-01T09:00:00+05:30", "2026-11-01T03:30:00+00:00")],
)
def test_an_instant_is_handed_on_in_utc(words, since, instant):
    assert words("--since", since, "--limit", "3") == ["replay", f"--since={instant}", "--limit=3", "--source=both"]
