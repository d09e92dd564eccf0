"""Variables that a person sets for the services of a stack: they act, or they are named."""

from __future__ import annotations

import pytest
import yaml
from oo_local import environment
from oo_local.layout import Layout
from oo_local.programs import Programs
from oo_local.stack import CHART, Stack


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("OO_TRANSFORMER_BUGDET", "OO_TRANSFORMER_BUDGET_MS"),
        ("OO_TRANSFORMER_EPSILONS", "OO_TRANSFORMER_EPSILON"),
        ("OO_PREDICTOR_MAX_ROW", "OO_PREDICTOR_MAX_ROWS"),
        ("OO_PIPELINE_MIN_ROUND", "OO_PIPELINE_MIN_ROUNDS"),
        ("OO_LOCAL_ENVOI", "OO_LOCAL_ENVOY"),
        ("OO_TRANSFORMERS_EPSILON", "OO_TRANSFORMER_EPSILON"),
        ("OO_CONSUMERS_LAKE_URL", "OO_CONSUMER_LAKE_URL"),
    ],
)
def test_a_misspelt_variable_is_named_with_what_was_meant(name, meant):
    assert environment.errors({name: "1"}) == [f"{name} is no variable of ours: did you mean {meant}?"]


def test_a_variable_like_none_of_ours_is_named_too():
    assert environment.errors({"OO_CONSUMER_NONSENSE": "1"}) == ["OO_CONSUMER_NONSENSE is no variable of ours"]


@pytest.mark.parametrize("name", ["HOME", "OO_HELM", "OO_CLUSTER_DIR", "OO_PROFILE_REGISTRY", "OOPS", "OO_LLM_MODEL"])
def test_other_peoples_variables_are_no_mistakes(name):
    assert environment.errors({name: "1"}) == []


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("OO_TRANSFORMER_EPSILON", "7", "less than or equal to 1"),
        ("OO_TRANSFORMER_BUDGET_MS", "quick", "valid integer"),
        ("OO_TRANSFORMER_LLM_URL", "litellm", "not a URL like"),
        ("OO_PIPELINE_MIN_ROUNDS", "2", "greater than or equal to 50"),
        ("OO_CONSUMER_EXPERIMENTS", "/no/such/folder", "does not point to a directory"),
    ],
)
def test_a_value_that_a_service_would_refuse_is_named_before_anything_starts(name, value, said):
    (found,) = environment.errors({name: value, "OO_TRANSFORMER_NONSENSE": "1"})[1:]

    assert found.startswith(f"{name}: ")
    assert said in found


@pytest.fixture
def settings(tmp_path, monkeypatch):
    """What the parts of a stack get when the caller has set some variables."""

    def of(given):
        for name, value in given.items():
            monkeypatch.setenv(name, value)
        values = yaml.safe_load((CHART / "values.yaml").read_text())
        return Stack(Layout(tmp_path, 20_000), Programs({}), values, "sk-key").settings()

    return of


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("OO_TRANSFORMER_EPSILON", ["transformers"]),
        ("OO_TRANSFORMER_LLM_DEADLINE_MS", ["transformers"]),
        ("OO_PREDICTOR_MAX_ROWS", ["predictors"]),
        ("OO_CONSUMER_DRAIN_MS", ["consumers", "lake", "beliefs"]),
        ("OO_PIPELINE_SEED", ["pipelines"]),
    ],
)
def test_a_good_variable_acts_on_its_parts_and_on_no_others(settings, name, parts):
    given = {name: "99"}
    found = settings(given)

    assert environment.acting(given, found) == {name: parts}
    assert environment.ignored(given, found) == []
    assert [part for part, environ in found.items() if name in environ] == parts


@pytest.mark.parametrize(
    "name",
    ["OO_TRANSFORMER_LLM_KEY", "OO_CONSUMER_HTTP_PORT", "OO_PREDICTOR_TRACKING_URI", "OO_PIPELINE_STORE_URL"],
)
def test_what_the_stack_sets_itself_is_said_to_be_ignored(settings, name):
    given = {name: "mine"}

    assert environment.ignored(given, settings(given)) == [name]
