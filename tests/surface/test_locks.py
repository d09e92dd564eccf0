"""The locks install anywhere: every package pinned by hash, no registry named, and every dependency covered."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = sorted((ROOT / "locks").glob("*.txt"))


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pinned(lock: Path) -> set[str]:
    return {canonical(match[1]) for match in re.finditer(r"^([A-Za-z0-9._-]+)==", lock.read_text(), re.MULTILINE)}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.stem)
def test_a_lock_names_hashes_and_no_host(lock):
    text = lock.read_text()
    requirements = re.split(r"\n(?=\S)", text.strip())

    assert "://" not in text
    assert all("--hash=sha256:" in requirement for requirement in requirements)


@pytest.mark.parametrize(
    "lock", [path for path in LOCKS if (ROOT / path.stem / "pyproject.toml").exists()], ids=lambda path: path.stem
)
def test_a_members_dependencies_are_in_its_lock(lock):
    wanted = tomllib.loads((ROOT / lock.stem / "pyproject.toml").read_text())["project"]["dependencies"]

    names = {canonical(re.match(r"[A-Za-z0-9._-]+", item)[0]) for item in wanted}

    assert {name for name in names if not name.startswith("oo-")} <= pinned(lock)


def test_no_release_that_carried_malware_is_locked():
    assert not re.search(r"^litellm==1\.82\.[78]\b", (ROOT / "locks" / "dev.txt").read_text(), re.MULTILINE)


@pytest.mark.parametrize("member", sorted(path.parent.name for path in ROOT.glob("*/pyproject.toml")))
def test_what_only_extras_need_is_in_no_members_image(member):
    assert not {"feast", "pyspark", "vowpalwabbit"} & pinned(ROOT / "locks" / f"{member}.txt")
