"""What everything that crosses an HTTP wire has in common."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Name", "Wire", "columns_digest"]

Name = Annotated[str, Field(min_length=1, max_length=128)]


class Wire(BaseModel):
    """Frozen; a misspelt field is an error; every number is finite."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, json_schema_serialization_defaults_required=True
    )


def columns_digest(names: Sequence[str]) -> str:
    """What transformer and predictor compare: the names of a row's numbers, in their order.

    >>> columns_digest(["a", "b"]) == columns_digest(["b", "a"])
    False
    """
    return hashlib.sha256("\n".join(names).encode()).hexdigest()[:16]
