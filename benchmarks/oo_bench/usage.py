"""CPU time and memory of processes, each with its children."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

import psutil

__all__ = ["CLIENT", "cpu_seconds", "memory_mb"]

CLIENT = "client"  # this process, in figures by process


def cpu_seconds(pids: Mapping[str, int]) -> dict[str, float]:
    """Return the CPU seconds so far by process, with the client's own."""
    return {name: sum(_cpu(process) for process in _tree(pid)) for name, pid in _with_client(pids).items()}


def memory_mb(pids: Mapping[str, int]) -> dict[str, float]:
    """Return the memory now by process, in MB; what processes share is divided among them where the kernel says so."""
    return {name: sum(_memory(process) for process in _tree(pid)) / 1e6 for name, pid in pids.items()}


def _with_client(pids: Mapping[str, int]) -> dict[str, int]:
    return {**pids, CLIENT: os.getpid()}


def _tree(pid: int) -> Iterator[psutil.Process]:
    process = psutil.Process(pid)
    yield process
    if pid != os.getpid():
        yield from process.children(recursive=True)


def _cpu(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:  # a child may end between two calls
        return 0.0
    return float(times.user + times.system)


def _memory(process: psutil.Process) -> float:
    try:
        memory = process.memory_full_info()
    except psutil.NoSuchProcess:
        return 0.0
    return float(getattr(memory, "pss", memory.uss))
