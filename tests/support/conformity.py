"""Whether objects are what an API server takes: kubeconform, with schemas made from definitions in Go modules.

Nothing here is asked of the network but the modules, once. Strict: a field that no definition knows is refused. What a
definition says in CEL is not checked; a real API server does that, in tests/cluster.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

MINORS = ("v1.32.9", "v1.33.4", "v1.34.4")
DEFINITIONS = {  # module: where its CustomResourceDefinitions are
    "github.com/kserve/kserve@v0.20.0": (
        "charts/kserve-crd/templates/serving.kserve.io_inferenceservices.yaml",
        "charts/kserve-crd/templates/serving.kserve.io_servingruntimes.yaml",
        "charts/kserve-crd/files/serving.kserve.io_clusterstoragecontainers.yaml",
    ),
    "github.com/envoyproxy/gateway@v1.9.1": (
        "charts/gateway-helm/charts/crds/crds/gatewayapi-crds.yaml",
        "charts/gateway-helm/charts/crds/crds/generated/gateway.envoyproxy.io_backendtrafficpolicies.yaml",
        "charts/gateway-helm/charts/crds/crds/generated/gateway.envoyproxy.io_clienttrafficpolicies.yaml",
        "charts/gateway-helm/charts/crds/crds/generated/gateway.envoyproxy.io_envoyproxies.yaml",
    ),
}
KUBECONFORM = "github.com/yannh/kubeconform/cmd/kubeconform@v0.8.0"
META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
LOOSE = {  # what swagger.json calls a string and is more
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": {"type": ["string", "integer"]},
    "io.k8s.apimachinery.pkg.api.resource.Quantity": {"type": ["string", "number"]},
}

Schema = dict[str, Any]


def problems(text: str, minor: str) -> list[str]:
    """What is wrong with these objects, one line for each, for an API server of this minor version."""
    location = f"{schemas(minor)}/{{{{.Group}}}}-{{{{.ResourceKind}}}}-{{{{.ResourceAPIVersion}}}}.json"
    command = [kubeconform(), "-strict", "-summary", "-output", "json", "-schema-location", location, "-"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    said = json.loads(done.stdout)
    assert sum(said["summary"].values()) > said["summary"]["skipped"] == 0, said
    return [f"{it['kind']}/{it['name']}: {it['msg']}" for it in said["resources"]]


@functools.cache
def kubeconform() -> str:
    """By OO_KUBECONFORM, of the test cluster's programs, on PATH, or built."""
    places = os.pathsep.join([str(cache() / "bin"), os.environ.get("PATH", "")])
    found = os.environ.get("OO_KUBECONFORM") or shutil.which("kubeconform", path=places)
    return found or built(cache() / "schemas" / "bin")


def built(folder: Path) -> str:
    if not (folder / "kubeconform").exists():
        go("install", KUBECONFORM, GOBIN=str(folder))
    return str(folder / "kubeconform")


def cache() -> Path:
    """The folder of everything that the tests' clusters are made from, outside the checkout."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get("OO_CLUSTER_DIR") or home / "oo-ml-cluster")


@functools.cache
def schemas(minor: str) -> Path:
    """A folder with a schema for each kind, made once for each version of this file."""
    version = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:8]
    folder = cache() / "schemas" / f"{minor}-{version}"
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as unfinished:
            write(Path(unfinished, "whole"), minor)
            if not folder.exists():  # another run may have been faster
                Path(unfinished, "whole").rename(folder)
    return folder


def write(folder: Path, minor: str) -> None:
    folder.mkdir()
    known = json.loads((module(f"k8s.io/kubernetes@{minor}") / "api/openapi-spec/swagger.json").read_text())
    known = {name: LOOSE.get(name) or closed(schema) for name, schema in known["definitions"].items()}
    for name, schema in known.items():
        for kind in schema.get("x-kubernetes-group-version-kind", ()):
            put(folder, kind["group"], kind["kind"], kind["version"], whole({"$ref": reference(name)}, known))
    for custom in customs():
        spec = custom["spec"]
        for version in spec["versions"]:
            schema = closed(version["schema"]["openAPIV3Schema"])
            schema["properties"]["metadata"] = {"$ref": reference(META)}
            put(folder, spec["group"], spec["names"]["kind"], version["name"], whole(schema, known))


def missing_defaults(thing: Any) -> list[str]:
    """Paths of fields inside lists that an API server would fill in from a definition's defaults.

    Tools that compare what was applied with what is there take a list as a whole: an item that the server has added a
    field to differs for ever. Fields outside lists that nobody has set are not compared. For built-in kinds such tools
    know the defaults themselves.
    """
    group, _, version = thing["apiVersion"].rpartition("/")
    schema = custom_schemas().get((group, version, thing["kind"]))
    return [] if schema is None else list(_missing(thing, schema, thing["kind"], inside=False))


@functools.cache
def custom_schemas() -> dict[tuple[str, str, str], Schema]:
    """By group, version and kind."""
    return {
        (it["spec"]["group"], version["name"], it["spec"]["names"]["kind"]): version["schema"]["openAPIV3Schema"]
        for it in customs()
        for version in it["spec"]["versions"]
    }


def _missing(value: Any, schema: Schema, path: str, *, inside: bool) -> Iterator[str]:
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _missing(item, schema.get("items", {}), f"{path}.{index}", inside=True)
    elif isinstance(value, dict):
        for name, below in schema.get("properties", {}).items():
            if name in value:
                yield from _missing(value[name], below, f"{path}.{name}", inside=inside)
            elif inside and "default" in below:
                yield f"{path}.{name}={below['default']!r}"


def put(folder: Path, group: str, kind: str, version: str, schema: Schema) -> None:
    """Under the name that kubeconform asks for, which has the version as the core's group."""
    (folder / f"{group or version}-{kind.lower()}-{version}.json").write_text(json.dumps(schema))


def customs() -> list[Schema]:
    """Every CustomResourceDefinition of ours."""
    texts = [(module(name) / path).read_text() for name, paths in DEFINITIONS.items() for path in paths]
    things = [thing for text in texts for thing in yaml.load_all(text, yaml.CSafeLoader) if thing]
    return [thing for thing in things if thing["kind"] == "CustomResourceDefinition"]


def whole(schema: Schema, known: dict[str, Schema]) -> Schema:
    """A schema with every definition that it leads to."""
    needed: dict[str, Schema] = {}
    waiting = referred(schema)
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed[name] = known[name]
            waiting |= referred(known[name])
    return {**schema, "definitions": needed}


def referred(schema: Any) -> set[str]:
    """The definitions that a schema names."""
    if isinstance(schema, list):
        return {name for each in schema for name in referred(each)}
    if not isinstance(schema, dict):
        return set()
    here = {schema["$ref"].removeprefix(reference(""))} if isinstance(schema.get("$ref"), str) else set()
    return here.union(*(referred(below) for below in schema.values()))


def reference(name: str) -> str:
    return f"#/definitions/{name}"


def closed(schema: Schema) -> Schema:
    """The same, with fields that are not named refused; what `anyOf` and its like say stays, for it is only a part."""
    out = dict(schema)
    if "properties" in schema:
        out["properties"] = {name: closed(below) for name, below in schema["properties"].items()}
        if "additionalProperties" not in schema and not schema.get("x-kubernetes-preserve-unknown-fields"):
            out["additionalProperties"] = False
    for name in ("items", "additionalProperties"):
        if isinstance(schema.get(name), dict):
            out[name] = closed(schema[name])
    if schema.get("nullable"):
        out["type"] = [schema["type"], "null"]
    return out


@functools.cache
def module(name: str) -> Path:
    """The folder of a Go module's files."""
    return Path(json.loads(go("mod", "download", "-json", name))["Dir"])


def go(*words: str, **environ: str) -> str:
    """What Go prints. Without Go there is nothing to make schemas from, and the test is skipped."""
    if not shutil.which("go"):
        pytest.skip("Go is not here; schemas come from its modules")
    done = subprocess.run(
        ["go", *words],
        cwd="/",
        env={**os.environ, "GOFLAGS": "", **environ},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
