"""What everything that crosses an HTTP wire has in common."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Name", "Wire"]

Name = Annotated[str, Field(min_length=1, max_length=128)]


class Wire(BaseModel):
    """Frozen; a misspelt field is an error; every number is finite."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
