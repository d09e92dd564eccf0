"""What a killed fetch leaves beside a model's place goes with the next one, and never while somebody works in it."""

from __future__ import annotations

import subprocess
import sys

import pytest
from oo_model_cards.fetch_space import fetch_space

FETCH = """
import sys
from pathlib import Path
from oo_model_cards.fetch_space import fetch_space
with fetch_space(Path(sys.argv[1])) as space:
    (space / "model").mkdir()
    (space / "model" / "half").write_bytes(b"x")
    print(space, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def other(tmp_path):
    """A fetch by another process, which has begun."""
    command = [sys.executable, "-P", "-c", FETCH, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        process.stdout.readline()
        yield process
        process.kill()


def spaces(folder):
    return list(folder.glob(".fetching-*"))


def test_what_a_killed_fetch_left_goes_with_the_next(other, tmp_path):
    other.kill()
    other.wait()
    left = spaces(tmp_path)

    with fetch_space(tmp_path) as space:
        assert len(left) == 1
        assert spaces(tmp_path) == [space]

    assert spaces(tmp_path) == []


def test_a_fetch_that_is_alive_keeps_its_folder_and_ends_as_always(other, tmp_path):
    with fetch_space(tmp_path):
        assert len(spaces(tmp_path)) == 2

    other.communicate("")

    assert (other.returncode, spaces(tmp_path)) == (0, [])


def test_a_fetch_that_fails_leaves_nothing(tmp_path):
    with pytest.raises(OSError, match="no space left"), fetch_space(tmp_path):
        raise OSError("no space left")

    assert spaces(tmp_path) == []
