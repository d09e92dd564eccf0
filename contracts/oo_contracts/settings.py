"""The contract with whoever deploys a service: its environment variables, read once, misspellings refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Self

from pydantic import BaseModel, ConfigDict

__all__ = ["Settings"]


class Settings(BaseModel):
    """Base of every service's settings: a frozen value built from variables with the service's own prefix.

    >>> class Demo(Settings):
    ...     prefix = "OO_DEMO_"
    ...     port: int = 8080
    >>> Demo.read({"OO_DEMO_PORT": "9000", "HOME": "/root"}).port
    9000

    Raises:
        pydantic.ValidationError: a variable with our prefix that no setting has, or a value of the wrong type.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    prefix: ClassVar[str]

    @classmethod
    def read(cls, environ: Mapping[str, str], **given: object) -> Self:
        """Build from the environment; what the caller gives (command line arguments) wins over it."""
        ours = {name: value for name, value in environ.items() if name.startswith(cls.prefix)}
        fields = {name.removeprefix(cls.prefix).lower(): value for name, value in ours.items()}
        return cls.model_validate(fields | given)
