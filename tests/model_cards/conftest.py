"""A registry on a real MLflow server over HTTP, and one on a local SQLite file."""

from __future__ import annotations

import re

import pytest
from oo_model_cards.registry import Registry


@pytest.fixture(scope="session")
def local_registry(tmp_path_factory):
    folder = tmp_path_factory.mktemp("local")
    return Registry(f"sqlite:///{folder}/mlflow.db", artifacts=(folder / "files").as_uri())


@pytest.fixture(params=[pytest.param("http", marks=pytest.mark.long), "sqlite"])
def registry(request):
    if request.param == "sqlite":
        return request.getfixturevalue("local_registry")
    return Registry(request.getfixturevalue("mlflow_server").url)


@pytest.fixture
def name(request):
    """A model of the test's own, so that tests may share a server."""
    return re.sub(r"\W+", "-", request.node.name)[-100:].strip("-")
