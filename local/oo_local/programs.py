"""The paths of the programs that we start but did not write; an environment variable overrides each."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

__all__ = ["MissingProgram", "Programs", "find"]


class MissingProgram(Exception):
    """A program that is not there; the message names it and the fix."""


class Programs:
    """The paths, as strings, of everything the stack starts."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.python = sys.executable
        self.nats = find("nats-server", "OO_LOCAL_NATS_SERVER", environ, _beside_python("nats-server"))
        self.envoy = find("envoy", "OO_LOCAL_ENVOY", environ, _packaged_envoy())
        self.litellm = _python_of(find("litellm", "OO_LOCAL_LITELLM", environ, _beside_python("litellm")))
        self.mlflow = find("mlflow", "OO_LOCAL_MLFLOW", environ, _beside_python("mlflow"))


def find(name: str, variable: str, environ: Mapping[str, str], packaged: Path | None) -> str:
    """Return the program that the variable names, else the packaged one, else one on the PATH.

    Raises:
        MissingProgram: none of them can be run.
    """
    if overridden := environ.get(variable):
        if not os.access(overridden, os.X_OK):
            raise MissingProgram(f"{variable}={overridden} is not a program: correct or unset it")
        return overridden
    path = str(packaged) if packaged and os.access(packaged, os.X_OK) else shutil.which(name)
    if path is None:
        raise MissingProgram(f"{name} is missing: run `make setup`, or set {variable} to where it is")
    return path


def _python_of(program: str) -> str:
    """Return the interpreter that a program of an environment is installed for: LiteLLM starts behind a gate of ours.

    Raises:
        MissingProgram: there is no interpreter beside the program.
    """
    if not os.access(python := Path(program).absolute().with_name("python"), os.X_OK):
        raise MissingProgram(
            f"{program} has no python beside it: OO_LOCAL_LITELLM must be an environment's own litellm"
        )
    return str(python)


def _beside_python(name: str) -> Path:
    return Path(sys.executable).parent / name


def _packaged_envoy() -> Path | None:
    """Return the binary itself: its Python wrapper would only replace itself by it."""
    spec = find_spec("envoy")
    folders = [Path(folder) for folder in spec.submodule_search_locations or ()] if spec else []
    binaries = (path for folder in folders for path in folder.rglob("envoy*") if path.is_file() and path.suffix == "")
    return next(binaries, None)
