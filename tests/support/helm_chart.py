"""The chart as Helm renders it, and the manifests as kustomize does: parsed objects, and how to find one among them."""

from __future__ import annotations

import functools
import subprocess
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
CHART = ROOT / "charts" / "oo-ml"
MANIFESTS = ROOT / "manifests"


def script():
    """scripts/chart.py as a module."""
    spec = spec_from_file_location("chart", ROOT / "scripts" / "chart.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@functools.cache
def helm():
    try:
        return script().helm()
    except SystemExit as absent:
        pytest.skip(f"{absent}", allow_module_level=True)


def ask(*words, values=None):
    """Helm's own reply to a command; `values` are given as a file."""
    files = ("--values", "-") if values is not None else ()
    command = [helm(), *words, *files]
    return subprocess.run(command, input=yaml.safe_dump(values or {}), capture_output=True, text=True, check=False)


def template(**values):
    """`helm template` with these values."""
    return ask("template", "oo-ml", CHART, "--namespace", "oo-ml", values=values)


def render(**values):
    """Every object of the release, its test included."""
    done = template(**values)
    assert done.returncode == 0, done.stderr
    return objects(done.stdout)


def kustomize(folder):
    """Every object of a kustomization."""
    done = subprocess.run(["kubectl", "kustomize", folder], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return objects(done.stdout)


def objects(text):
    return [thing for thing in yaml.load_all(text, yaml.CSafeLoader) if thing]


def named(things):
    """The objects by kind and name; no two may share them."""
    found = {}
    for thing in things:
        name = thing["kind"], thing["metadata"]["name"]
        assert name not in found
        found[name] = thing
    return found


def pods(things):
    """Every pod that the objects ask for, with the object's kind and name, as a pod's spec."""
    for thing in things:
        for part, pod in parts(thing):
            yield f"{thing['kind']}/{thing['metadata']['name']}{part}", pod


def parts(thing):
    """The pods of one object. A runtime's containers join its InferenceService's pod."""
    spec = thing.get("spec", {})
    match thing["kind"]:
        case "Pod":
            yield "", spec
        case "Deployment" | "StatefulSet" | "Job":
            yield "", spec["template"]["spec"]
        case "CronJob":
            yield "", spec["jobTemplate"]["spec"]["template"]["spec"]
        case "InferenceService":
            for part in ("transformer", "predictor"):
                if part in spec:
                    yield f"/{part}", spec[part]


def containers(things):
    """Every container, with where it is."""
    for where, pod in pods(things):
        for container in [*pod.get("initContainers", ()), *pod.get("containers", ())]:
            yield f"{where}/{container['name']}", container
    for thing in things:
        if thing["kind"] == "ServingRuntime":
            for container in thing["spec"]["containers"]:
                yield f"ServingRuntime/{thing['metadata']['name']}/{container['name']}", container
        if thing["kind"] == "ClusterStorageContainer":
            container = thing["spec"]["container"]
            yield f"ClusterStorageContainer/{thing['metadata']['name']}/{container['name']}", container
