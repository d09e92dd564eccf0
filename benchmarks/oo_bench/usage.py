"""CPU time and memory by program: of all its processes, each with its children."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping

import psutil

__all__ = ["CLIENT", "cpu_seconds", "memory_mb", "program"]

CLIENT = "client"  # this process, in figures by process


def cpu_seconds(pids: Mapping[str, int]) -> dict[str, float]:
    """Return the CPU seconds so far by program, with the client's own."""
    return _by_program(_with_client(pids), _cpu)


def memory_mb(pids: Mapping[str, int]) -> dict[str, float]:
    """Return the memory now by program, in MB; what processes share is divided among them where the kernel says so."""
    return {name: size / 1e6 for name, size in _by_program(pids, _memory).items()}


def program(name: str) -> str:
    """Return the name without the number of one of several alike."""
    return name.rstrip("0123456789").removesuffix("-")


def _by_program(pids: Mapping[str, int], measure: Callable[[psutil.Process], float]) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, pid in pids.items():
        amount = sum(measure(process) for process in _tree(pid))
        found[program(name)] = found.get(program(name), 0.0) + amount
    return found


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
