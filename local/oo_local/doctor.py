"""What may keep the stack from starting, each with its fix."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass

import psutil

from oo_local.layout import OFFSETS, Layout, PortTaken, check_ports
from oo_local.llm import weights
from oo_local.programs import MissingProgram, Programs
from oo_local.state import StackStatus

__all__ = ["Check", "checks"]

DISK = 2 << 30  # bytes: a week of data, models, logs
MEMORY = 3 << 30  # bytes: the stack uses about 2.5 GB


@dataclass(frozen=True, slots=True)
class Check:
    name: str
    ok: bool
    said: str


def checks(layout: Layout, status: StackStatus | None) -> Iterator[Check]:
    """Programs, model file, ports, disk, memory."""
    yield _programs()
    file = weights()
    yield Check("model file", file is not None, file.name if file else "missing: run `make setup`")
    yield _ports(layout, status)
    yield _disk(layout)
    free = psutil.virtual_memory().available
    yield Check("memory", free > MEMORY, f"{free >> 20} MB free" + ("" if free > MEMORY else "; the stack wants 3 GB"))


def _programs() -> Check:
    try:
        Programs(os.environ)
    except MissingProgram as error:
        return Check("programs", ok=False, said=str(error))
    return Check("programs", ok=True, said="nats-server, envoy, mlflow, litellm")


def _ports(layout: Layout, status: StackStatus | None) -> Check:
    if status is not None and status.running:
        return Check("ports", ok=True, said=f"in use by the running stack at {status.ingress}")
    try:
        check_ports(layout)
    except PortTaken as error:
        return Check("ports", ok=False, said=str(error))
    return Check("ports", ok=True, said=f"{layout.port} and the {max(OFFSETS.values())} after it are free")


def _disk(layout: Layout) -> Check:
    folder = next(path for path in (layout.data, *layout.data.parents) if path.exists())
    free = shutil.disk_usage(folder).free
    return Check(
        "disk", free > DISK, f"{free >> 20} MB free at {folder}" + ("" if free > DISK else "; 2 GB are needed")
    )
