"""The folder in which a model arrives, beside its place; what a killed fetch left there, the next one deletes."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

__all__ = ["fetch_space"]

PREFIX = ".fetching-"


@contextmanager
def fetch_space(nearby: Path) -> Iterator[Path]:
    """Give an empty folder inside `nearby` and delete it at the end; first delete those of fetches that were killed.

    A fetch holds a lock on its folder, and the kernel lets go of the locks of a process that ends.
    """
    with ExitStack() as stack:
        with _lock(nearby):
            for leftover in nearby.glob(f"{PREFIX}*"):
                _remove_unless_locked(leftover)
            space = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=nearby, prefix=PREFIX)))
            stack.enter_context(_lock(space))
        yield space


@contextmanager
def _lock(folder: Path, *, wait: bool = True) -> Iterator[None]:
    """Hold the lock of a folder.

    Raises:
        BlockingIOError: another process holds it, and we do not wait.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def _remove_unless_locked(leftover: Path) -> None:
    try:
        with _lock(leftover, wait=False):
            shutil.rmtree(leftover)
    except (BlockingIOError, FileNotFoundError):
        return  # another fetch works in it, or has just deleted it
