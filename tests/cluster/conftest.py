"""Tests of the release as a whole: first what is installed, then its rollouts, and last that it leaves nothing."""

from __future__ import annotations

import pytest

ORDER = ("install", "pins", "challenger", "rollout", "restarts", "network", "uninstall", "kustomize", "production")


def pytest_collection_modifyitems(items):
    """Those that uninstall come last, also after the behavioural tests of tests/stack."""

    def place(item):
        name = item.path.stem.removeprefix("test_")
        if item.path.parent.name != "cluster":
            return len(ORDER) - 3.5
        return ORDER.index(name)

    items.sort(key=place)


@pytest.fixture(scope="session")
def second(release):
    """The number of a second registered version; it becomes challenger."""
    return release.train()["version"]
