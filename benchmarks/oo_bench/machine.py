"""The machine that a run ran on."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

import psutil

from oo_bench.results import Machine

__all__ = ["commit", "cpu_model", "machine"]

ROOT = Path(__file__).parents[2]


def machine(load_at_start: float) -> Machine:
    """Return the machine; the load average at the end is that of now."""
    return Machine(
        cores=psutil.cpu_count() or 1,
        cpu=cpu_model(),
        memory_gb=round(psutil.virtual_memory().total / 2**30, 1),
        system=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        load_average_at_start=round(load_at_start, 2),
        load_average_at_end=round(os.getloadavg()[0], 2),
    )


def cpu_model() -> str:
    """Return the processor's name, where the kernel says it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown"


def commit() -> str:
    """Return the commit that is measured, with a `+` when files differ from it."""
    description = ["git", "describe", "--always", "--exclude=*", "--dirty=+"]
    done = subprocess.run(description, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603  # git
    return done.stdout.strip() or "unknown"
