"""This module imports KServe without letting it see our arguments, and without pandas.

KServe parses `sys.argv` when it is imported, so it is imported only after the process's own arguments are parsed.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from types import ModuleType
from typing import Any

__all__ = ["kserve_model", "refuse_unknown"]


def kserve_model() -> Any:
    """Return KServe's `Model` class, imported without letting KServe see our arguments."""
    arguments, sys.argv = sys.argv, sys.argv[:1]
    try:
        with _pandas_or_stand_in():
            from kserve import Model  # noqa: PLC0415  # see the module's docstring
    finally:
        sys.argv = arguments
    return Model


@contextlib.contextmanager
def _pandas_or_stand_in() -> Iterator[None]:
    """Let KServe import without pandas, which the transformer's image leaves out.

    KServe wants it for annotations and `isinstance` alone. So, while it is imported, a missing pandas is a module whose
    `DataFrame` nothing is an instance of; afterwards only KServe holds that module, and `import pandas` fails again.
    """
    try:
        import_module("pandas")
    except ModuleNotFoundError:
        sys.modules["pandas"] = stand_in = ModuleType("pandas", "Stands in for pandas, which is not installed.")
        vars(stand_in)["DataFrame"] = type("DataFrame", (), {})
        try:
            yield
        finally:
            del sys.modules["pandas"]
    else:
        yield


def refuse_unknown(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> None:
    """Exit with code 2 for an argument that neither we nor KServe know.

    It is misspelt, for KServe's controller adds only known ones.
    """
    if not arguments:
        return
    kserve_model()
    from kserve.model_server import parser as kserve_parser  # noqa: PLC0415  # see the module's docstring

    if unknown := kserve_parser.parse_known_args(arguments)[1]:
        parser.error(f"unknown argument: {unknown[0]}")
