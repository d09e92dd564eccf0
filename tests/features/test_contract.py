"""Our mirror and the recommender's registry promise the same: its copy here always, itself where it can be found."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from oo_features.contract import contract_digest, profile_promises
from oo_features.profile_schema import PROFILE_FEATURES
from oo_features.registry_ts.contract_comparison import differences, digest
from oo_features.registry_ts.registry_entries import IN_REPOSITORY, entries

ROOT = Path(__file__).parents[2]
COPY = Path(__file__).parent / "registry" / "registry.ts"
TOLD = os.environ.get("OO_PROFILE_REGISTRY")
GIVEN = Path(TOLD) if TOLD else ROOT.parent
REGISTRY = GIVEN if GIVEN.is_file() else GIVEN / IN_REPOSITORY


def test_the_mirror_is_the_copy_of_the_registry():
    registry = entries(COPY)

    assert differences(registry) == ()
    assert digest(registry) == contract_digest(profile_promises())
    assert {entry.name: entry.source for entry in registry.entries} == {
        item.name: item.source for item in PROFILE_FEATURES
    }


@pytest.mark.skipif(
    not TOLD and not REGISTRY.exists(), reason="no registry beside this repository: OO_PROFILE_REGISTRY"
)
def test_the_mirror_is_the_registry():
    assert differences(entries(REGISTRY)) == ()


def test_the_mirror_promises_every_profile_feature():
    assert [name for name, _, _ in profile_promises()] == [item.name for item in PROFILE_FEATURES]


@pytest.mark.parametrize(
    "other",
    [
        pytest.param([("a", 60, "int")], id="one less"),
        pytest.param([("a", 60, "int"), ("b", 6, None)], id="another ttlSec"),
        pytest.param([("a", 60, "float32"), ("b", 5, None)], id="another dtype"),
        pytest.param([("a", 60, "int"), ("b", 5, "int")], id="a dtype where none was"),
        pytest.param([("a", 60, "int"), ("c", 5, None)], id="another name"),
    ],
)
def test_another_promise_is_another_digest(other):
    assert contract_digest(other) != contract_digest([("a", 60, "int"), ("b", 5, None)])
