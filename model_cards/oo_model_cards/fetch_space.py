"""The folder in which a model arrives, beside its place; what a killed fetch left there, the next one deletes."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from oo_model_cards.files import MAX_BYTES
from oo_model_cards.version import RegistryError

__all__ = ["fetch_space", "refill"]

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


def refill(into: Path, downloaded: Path, space: Path) -> None:
    """Move a model into a folder that exists: empty, or filled by an earlier fetch.

    Raises:
        RegistryError: it holds something else.
    """
    old = [path for path in into.iterdir() if path != space and path.name != "lost+found"]
    if foreign := {path.name for path in old} - set(MAX_BYTES):
        raise RegistryError(f"{into} is not an empty folder: it has {min(foreign)}")
    for path in old:
        path.unlink()
    for path in downloaded.iterdir():
        shutil.move(path, into / path.name)


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
