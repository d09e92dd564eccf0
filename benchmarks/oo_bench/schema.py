"""The JSON schema of `bench.json`, as it is committed; `python -P -m oo_bench.schema` writes it."""

from __future__ import annotations

import json
from pathlib import Path

from oo_bench.results import Bench

__all__ = ["SCHEMA", "schema_text"]

SCHEMA = Path(__file__).with_name("bench.schema.json")


def schema_text() -> str:
    """Return the schema as it is written."""
    return json.dumps(Bench.model_json_schema(), indent=1) + "\n"


if __name__ == "__main__":
    SCHEMA.write_text(schema_text())
