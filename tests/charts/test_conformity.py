"""Every object is one that an API server takes, of three minor versions of Kubernetes."""

from __future__ import annotations

import shutil
import subprocess

import pytest
import yaml
from conformity import MINORS, missing_defaults, problems
from helm_chart import MANIFESTS, ROOT, objects, render, template

pytestmark = pytest.mark.long

BASE = (MANIFESTS / "base" / "oo-ml.yaml").read_text()
CHALLENGED = {"rollout": {"challenger": {"name": "v2", "model": "mlflow://tip-ranker/2", "weight": 10}}}
EVERYTHING = {
    **CHALLENGED,
    "image": {"registry": "mirror.example/", "pullSecrets": ["mirror"]},
    "gateway": {"tlsSecret": "certificate", "hostnames": ["ml.example"]},
    "predictor": {"grpc": True, "featureSet": "ranker@0123"},
    "nats": {"replicas": 3},
    "consumers": {"replicas": 2},
    "lake": {"url": "s3://bucket/oo", "secretName": "bucket"},
    "networkPolicies": {"metricsNamespace": "monitoring"},
    "persistence": {"storageClass": "fast", "keepOnUninstall": True},
    "mlflow": {"url": "https://mlflow.example", "secretName": "mlflow"},
}
# where a field is misspelt or of the wrong type; what is said of it
SLIPS = [
    ("Deployment/oo-llm", "spec.replicaz", 1, "additional properties 'replicaz' not allowed"),
    ("Deployment/oo-llm", "spec.template.spec.containers.0.imagePolicy", "Always", "'imagePolicy' not allowed"),
    ("StatefulSet/oo-nats", "spec.replicas", "1", "got string, want integer"),
    ("NetworkPolicy/oo-llm", "spec.ingress.0.form", [], "'form' not allowed"),
    ("InferenceService/tip-ranker", "spec.predictor.minReplica", 1, "'minReplica' not allowed"),
    ("InferenceService/tip-ranker", "metadata.label", {}, "'label' not allowed"),
    ("ServingRuntime/oo-mlflow", "spec.containers.0.port", [], "'port' not allowed"),
    ("ClusterStorageContainer/oo-mlflow-oo-ml", "spec.containers", [], "'containers' not allowed"),
    ("HTTPRoute/tip-ranker-split", "spec.rules.0.backendRefs.0.wait", 1, "'wait' not allowed"),
    ("EnvoyProxy/oo-entry", "spec.provider.type", "Docker", "value must be one of"),
    ("BackendTrafficPolicy/oo-entry", "spec.retries", {}, "'retries' not allowed"),
]


@pytest.mark.parametrize("minor", MINORS)
def test_the_base_is_taken(minor):
    assert problems(BASE, minor) == []


@pytest.mark.parametrize("minor", MINORS)
@pytest.mark.parametrize("overlay", ["local", "production"])
@pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl, which has kustomize in it, is not here")
def test_an_overlay_is_taken(overlay, minor):
    folder = MANIFESTS / "overlays" / overlay
    text = subprocess.run(["kubectl", "kustomize", folder], capture_output=True, text=True, check=True, cwd=ROOT).stdout

    assert problems(text, minor) == []


@pytest.mark.parametrize("minor", MINORS)
@pytest.mark.parametrize("values", [CHALLENGED, EVERYTHING], ids=["a challenger", "nearly every value"])
def test_what_other_values_render_is_taken(values, minor):
    assert problems(template(**values).stdout, minor) == []


@pytest.mark.parametrize("values", [{}, CHALLENGED, EVERYTHING], ids=["nothing", "a challenger", "nearly every value"])
def test_a_server_fills_nothing_into_the_lists_of_a_custom_resource(values):
    """Argo CD would report a difference for ever."""
    assert [path for thing in render(**values) for path in missing_defaults(thing)] == []


@pytest.mark.parametrize(
    ("taken", "field"),
    [
        ("parentRefs: [{group: gateway.networking.k8s.io, ", "HTTPRoute.spec.parentRefs.0.group="),
        ('backendRefs: [{group: "", ', "HTTPRoute.spec.rules.0.backendRefs.0.group="),
        (", weight: 1", "HTTPRoute.spec.rules.0.backendRefs.0.weight="),
    ],
)
def test_a_default_that_is_left_out_of_a_list_is_found(taken, field):
    assert taken in BASE
    without = objects(BASE.replace(taken, taken[: taken.find("{") + 1]))

    assert field in "\n".join(path for thing in without for path in missing_defaults(thing))


@pytest.mark.parametrize(
    "thing", [it for it in render() if it["kind"] == "StatefulSet"], ids=lambda it: it["metadata"]["name"]
)
def test_a_volume_claim_says_what_it_is(thing):
    (claim,) = thing["spec"]["volumeClaimTemplates"]

    assert (claim["apiVersion"], claim["kind"]) == ("v1", "PersistentVolumeClaim")
    assert claim["spec"]["volumeMode"] == "Filesystem"


@pytest.mark.parametrize(("name", "path", "value", "said"), SLIPS, ids=[f"{slip[0]} {slip[1]}" for slip in SLIPS])
def test_a_slip_in_an_object_is_found(name, path, value, said):
    found = problems(with_field(name, path, value), MINORS[-1])

    assert len(found) == 1
    assert found[0].startswith(f"{name}: ")
    assert said in found[0]


def test_a_kind_without_a_definition_is_a_problem():
    text = yaml.safe_dump({"apiVersion": "example.org/v1", "kind": "Unheard", "metadata": {"name": "of"}})

    (found,) = problems(text, MINORS[-1])

    assert found.startswith("Unheard/of: could not find schema")


def test_nothing_at_all_is_not_taken_for_good():
    with pytest.raises(AssertionError):
        problems("", MINORS[-1])


def with_field(name, path, value):
    """The one object of the base, with a field changed."""
    for thing in yaml.load_all(BASE, yaml.CSafeLoader):
        if f"{thing['kind']}/{thing['metadata']['name']}" == name:
            *above, last = path.split(".")
            there = thing
            for step in above:
                there = there[int(step) if step.isdigit() else step]
            there[last] = value
            return yaml.safe_dump(thing)
    raise KeyError(name)
