"""Write what follows from the chart: its values' schema, the table in its README, and manifests/base.

The schema and the table come from charts/oo-ml/values.yaml alone: types from the values, limits and meanings from the
comment behind each. `--check` writes nothing; it exits with 1 and names what is stale.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent
CHART = ROOT / "charts" / "oo-ml"
SCHEMA = CHART / "values.schema.json"
README = CHART / "README.md"
BASE = ROOT / "manifests" / "base" / "oo-ml.yaml"
OPEN = "<!-- values: written by `make chart` -->"
CLOSE = "<!-- /values -->"
TYPES = {"str": "string", "int": "integer", "float": "number", "bool": "boolean"}
AMOUNTS = {"type": "object", "additionalProperties": {"type": ["string", "number"]}}  # cpu: 50m, cpu: 1


def main(words: list[str]) -> None:
    """Rewrite, or with `--check` compare."""
    if words not in ([], ["--check"]):
        sys.exit("usage: chart.py [--check]")
    stale = [path for path, make in FILES.items() if not written(path, make(), check=bool(words))]
    sys.exit(f"stale: {', '.join(str(path.relative_to(ROOT)) for path in stale)}; run `make chart`" if stale else None)


def written(path: Path, text: str, *, check: bool) -> bool:
    """Whether the file has this text, which without `check` it has afterwards."""
    if check:
        return path.exists() and path.read_text() == text
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return True


def schema() -> str:
    """The values' JSON schema; in `global` a parent chart may hand in what is not for us."""
    text = (CHART / "values.yaml").read_text()
    properties = properties_of(yaml.compose(text), text)
    del properties["global"]["additionalProperties"]
    whole = {"$schema": "http://json-schema.org/draft-07/schema#", **closed(properties)}
    return json.dumps(whole, indent=2) + "\n"


def properties_of(mapping: yaml.MappingNode, text: str) -> dict[str, Any]:
    return {key.value: property_of(value, text) for key, value in mapping.value}


def property_of(value: yaml.Node, text: str) -> dict[str, Any]:
    if is_leaf(value):
        meaning = comment(value, text)
        return {"description": meaning, **type_of(value), **limits(meaning)}
    return closed(properties_of(value, text))


def closed(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "properties": properties}


def type_of(value: yaml.Node) -> dict[str, Any]:
    """A list is one of strings; a mapping on one line is one of amounts, like a container's resources."""
    if isinstance(value, yaml.SequenceNode):
        return {"type": "array", "items": {"type": "string"}}
    if isinstance(value, yaml.MappingNode):
        return closed({key.value: AMOUNTS for key, _ in value.value})
    return {"type": TYPES[value.tag.rpartition(":")[2]]}


def limits(meaning: str) -> dict[str, Any]:
    """What the brackets in a comment say: "(one of: a, b)", "(0 to 100)", "(at least 1)"."""
    if found := re.search(r"\(one of: (.+?)\)", meaning):
        return {"enum": [yaml.safe_load(word) for word in found[1].split(",")]}
    if found := re.search(r"\((\d+) to (\d+)\)", meaning):
        return {"minimum": int(found[1]), "maximum": int(found[2])}
    if found := re.search(r"\(at least (\d+)\)", meaning):
        return {"minimum": int(found[1])}
    return {}


def comment(value: yaml.Node, text: str) -> str:
    """What stands behind a value, on its line."""
    line = text.splitlines()[value.end_mark.line][value.end_mark.column :].strip()
    if not line.startswith("#"):
        sys.exit(f"values.yaml:{value.end_mark.line + 1}: say behind the value what it means")
    return line.removeprefix("#").strip()


def is_leaf(value: yaml.Node) -> bool:
    return not isinstance(value, yaml.MappingNode) or bool(value.flow_style)


def readme() -> str:
    """The README with a row for each value between its two marks."""
    before, rest = README.read_text().split(OPEN)
    after = rest.split(CLOSE)[1]
    text = (CHART / "values.yaml").read_text()
    rows = "\n".join(
        f"| `{name}` | {shown(value, text)} | {comment(value, text)} |" for name, value in leaves(yaml.compose(text))
    )
    return f"{before}{OPEN}\n| value | default | meaning |\n|---|---|---|\n{rows}\n{CLOSE}{after}"


def leaves(mapping: yaml.MappingNode, above: str = "") -> Iterator[tuple[str, yaml.Node]]:
    for key, value in mapping.value:
        if is_leaf(value):
            yield f"{above}{key.value}", value
        else:
            yield from leaves(value, f"{above}{key.value}.")


def shown(value: yaml.Node, text: str) -> str:
    """A default as values.yaml has it; nothing where it is empty."""
    return f"`{text[value.start_mark.index : value.end_mark.index]}`" if value.value else ""


def base() -> str:
    """The chart as Helm renders it, but for the pod of `helm test`."""
    words = (helm(), "template", "oo-ml", CHART, "--namespace", "oo-ml", "--no-hooks")
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=False)  # Helm says itself what went wrong
    if done.returncode:
        sys.exit(done.returncode)
    return done.stdout


def helm() -> str:
    """Helm: by OO_HELM, of this environment, or on PATH."""
    places = os.pathsep.join([str(Path(sys.prefix) / "bin"), os.environ.get("PATH", "")])
    found = os.environ.get("OO_HELM") or shutil.which("helm", path=places)
    return found or sys.exit("helm was not found: install it, or say by OO_HELM where it is")


FILES = {SCHEMA: schema, README: readme, BASE: base}  # in this order: Helm checks the values by the schema


if __name__ == "__main__":
    main(sys.argv[1:])
