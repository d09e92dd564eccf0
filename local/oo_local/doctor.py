"""The checks of what may keep the stack from starting, each with its fix."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass

import psutil
from oo_contracts.stack_status import StackStatus

from oo_local import environment
from oo_local.layout import OFFSETS, Layout, PortTaken, check_ports
from oo_local.llm import weights
from oo_local.programs import MissingProgram, Programs

__all__ = ["Check", "checks"]

MIN_DISK_BYTES = 2 << 30  # bytes: a week of data, models, logs
MIN_MEMORY_BYTES = 3 << 30  # bytes: the stack uses about 2.5 GB


@dataclass(frozen=True, slots=True)
class Check:
    """The result of one check; `detail` is the fix where it is not `ok`."""

    name: str
    ok: bool
    detail: str


def checks(layout: Layout, status: StackStatus | None) -> Iterator[Check]:
    """Yield the checks of programs, variables, model file, ports, disk and memory."""
    yield _programs()
    yield _variables()
    file = weights()
    yield Check("model file", file is not None, file.name if file else "missing: run `make setup`")
    yield _ports(layout, status)
    yield _disk(layout)
    free = psutil.virtual_memory().available
    yield Check(
        "memory",
        free > MIN_MEMORY_BYTES,
        f"{free >> 20} MB free" + ("" if free > MIN_MEMORY_BYTES else "; the stack wants 3 GB"),
    )


def _variables() -> Check:
    """Check that no variable is misspelt; which of them act on a stack is printed by `oo-ml up`."""
    wrong = environment.errors(os.environ)
    n_known = sum(name in environment.KNOWN for name in os.environ)
    return Check("variables", ok=not wrong, detail="; ".join(wrong) or f"{n_known} of ours, each known and valid")


def _programs() -> Check:
    try:
        Programs(os.environ)
    except MissingProgram as error:
        return Check("programs", ok=False, detail=str(error))
    return Check("programs", ok=True, detail="nats-server, envoy, mlflow, litellm")


def _ports(layout: Layout, status: StackStatus | None) -> Check:
    if status is not None and status.running:
        return Check("ports", ok=True, detail=f"in use by the running stack at {status.ingress}")
    try:
        check_ports(layout)
    except PortTaken as error:
        return Check("ports", ok=False, detail=str(error))
    return Check("ports", ok=True, detail=f"{layout.port} and the {max(OFFSETS.values())} after it are free")


def _disk(layout: Layout) -> Check:
    folder = next(path for path in (layout.data, *layout.data.parents) if path.exists())
    free = shutil.disk_usage(folder).free
    return Check(
        "disk",
        free > MIN_DISK_BYTES,
        f"{free >> 20} MB free at {folder}" + ("" if free > MIN_DISK_BYTES else "; 2 GB are needed"),
    )
