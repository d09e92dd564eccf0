"""This module reads a service's environment variables once, and refuses those that are misspelt."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from oo_contracts.refusal import refuse_start

__all__ = ["Settings", "unknown_variable"]

MIN_SIMILARITY = 0.6  # of a name to the one that is suggested instead


def unknown_variable(name: str, known: Iterable[str], prefix: str = "") -> str:
    """Return the line that refuses a variable, with the known one that was probably meant.

    The prefix is alike in all of them, so what follows it is compared.

    >>> unknown_variable("OO_DEMO_PROT", ["OO_DEMO_PORT"], "OO_DEMO_")
    'OO_DEMO_PROT is no variable of ours: did you mean OO_DEMO_PORT?'
    """
    ends = [item.removeprefix(prefix) for item in known]
    meant = difflib.get_close_matches(name.removeprefix(prefix), ends, 1, MIN_SIMILARITY)
    return f"{name} is no variable of ours" + (f": did you mean {prefix}{meant[0]}?" if meant else "")


class Settings(BaseModel):
    """The base of every service's settings: a frozen value built from variables with the service's own prefix.

    Raises:
        pydantic.ValidationError: a variable with the prefix is no setting, or a value has the wrong type.

    >>> class Demo(Settings):
    ...     prefix = "OO_DEMO_"
    ...     port: int = 8080
    >>> Demo.read({"OO_DEMO_PORT": "9000", "HOME": "/root"}).port
    9000
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    prefix: ClassVar[str]

    @classmethod
    def read(cls, environ: Mapping[str, str], **overrides: object) -> Self:
        """Return the settings of the environment; `overrides` (from the command line) win over variables.

        Raises:
            pydantic.ValidationError: a variable with the prefix is no setting, or a value has the wrong type.
        """
        variables = {name: value for name, value in environ.items() if name.startswith(cls.prefix)}
        fields = {name.removeprefix(cls.prefix).lower(): value for name, value in variables.items()}
        return cls.model_validate(fields | overrides)

    @classmethod
    def read_or_exit(cls, program: str, environ: Mapping[str, str], **overrides: object) -> Self:
        """Return the settings of the environment, or end the process with exit code 2 and one line.

        Raises:
            SystemExit: a variable is misspelt or has a wrong value; the line names every such variable.
        """
        try:
            return cls.read(environ, **overrides)
        except ValidationError as error:
            refuse_start(program, "; ".join(cls._lines(error)))

    @classmethod
    def errors(cls, environ: Mapping[str, str]) -> list[str]:
        """Return what `read` would refuse of an environment, one line for each variable.

        >>> class Demo(Settings):
        ...     prefix = "OO_DEMO_"
        ...     port: int = 8080
        >>> Demo.errors({"OO_DEMO_PORT": "high", "HOME": "/root"})
        ['OO_DEMO_PORT: Input should be a valid integer, unable to parse string as an integer']
        """
        try:
            cls.read(environ)
        except ValidationError as error:
            return cls._lines(error)
        return []

    @classmethod
    def variables(cls) -> list[str]:
        """Return the names of all variables of the service."""
        return [f"{cls.prefix}{name.upper()}" for name in cls.model_fields]

    @classmethod
    def _lines(cls, error: ValidationError) -> list[str]:
        lines = []
        for wrong in error.errors():
            variable = f"{cls.prefix}{str(wrong['loc'][0]).upper()}"
            is_misspelt = wrong["type"] == "extra_forbidden"
            message = f"{variable}: {wrong['msg'].removeprefix('Value error, ')}"
            lines.append(unknown_variable(variable, cls.variables(), cls.prefix) if is_misspelt else message)
        return lines
