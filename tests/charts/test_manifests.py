"""The release without Helm is the release with Helm."""

from __future__ import annotations

import re
import shutil

import pytest
import yaml
from helm_chart import MANIFESTS, kustomize, named, render

pytestmark = pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl, which has kustomize in it, is not here")

MODEL = "mlflow://tip-ranker/2"
CHALLENGER = {"name": "v2", "model": MODEL}
ROLLOUTS = {
    "shadow": {"challenger": CHALLENGER},
    "canary": {"challenger": {**CHALLENGER, "weight": 10}},
    "champion": {"champion": CHALLENGER},
}
OVERLAYS = {
    "local": {"transformer": {"replicas": 1}, "predictor": {"replicas": 1}, "autoscaling": {"class": "none"}},
    "production": {
        "nats": {"replicas": 3, "durability": "strict"},
        "persistence": {"keepOnUninstall": True},
        "gateway": {"serviceType": "LoadBalancer"},
    },
}


def installed(**values):
    """What Helm installs, by kind and name: without the pod of its test."""
    return named(thing for thing in render(**values) if "helm.sh/hook" not in thing["metadata"].get("annotations", {}))


def applied(folder):
    """What kubectl applies, by kind and name, without the namespace, which Helm does not make."""
    found = named(kustomize(folder))
    namespace = found.pop(("Namespace", "oo-ml"))
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    return found


@pytest.fixture
def with_component(tmp_path, monkeypatch):
    """The base with one component on it, as the README of the manifests puts them together."""

    def together(component):
        shutil.copytree(MANIFESTS, tmp_path, dirs_exist_ok=True)
        both = {"resources": ["base"], "components": [f"components/{component}"]}
        (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(both))
        return applied(tmp_path)

    return together


def test_the_base_applies_what_helm_installs():
    assert applied(MANIFESTS / "base") == installed()


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_an_overlay_applies_what_helm_installs_with_its_values(overlay):
    assert applied(MANIFESTS / "overlays" / overlay) == installed(**OVERLAYS[overlay])


@pytest.mark.parametrize("component", ROLLOUTS)
def test_a_component_is_the_step_of_a_rollout(component, with_component):
    assert with_component(component) == installed(rollout=ROLLOUTS[component])


def names_a_version(path):
    return re.search(r"(?m)(?<!protocolVersion: )(?<!apiVersion: )\bv\d+$|tip-ranker/\d", path.read_text())


@pytest.mark.parametrize("component", ["shadow", "champion"])
def test_a_version_is_named_in_one_place(component):
    files = (MANIFESTS / "components" / component).iterdir()

    assert [path.name for path in files if names_a_version(path)] == ["version.yaml"]


def test_the_canary_names_no_version_at_all():
    assert not names_a_version(MANIFESTS / "components" / "canary" / "kustomization.yaml")
