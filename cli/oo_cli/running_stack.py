"""The stack that a command means: the one that runs on a data folder, or the one that has left its data there."""

from __future__ import annotations

from pathlib import Path

from oo_contracts.stack_status import StackStatus, data_option, read_status

from oo_cli.terminal import refuse

__all__ = ["running_stack", "store_of"]


def running_stack(data: Path, otherwise: str = "", code: int = 1) -> StackStatus:
    """Return the stack that runs on a folder, or refuse; `otherwise` is the option that does without a stack."""
    status = read_status(data)
    if status is None or not status.running:
        start = f"start it with `oo-ml up{data_option(data)}`{otherwise and f', or give {otherwise}'}"
        refuse(f"no stack is running on {data}: {start}", code)
    return status


def store_of(data: Path, store_url: str | None, otherwise: str = "--store-url") -> str:
    """Return the effect store's URL; a stack need not run, because its database is a file."""
    if store_url is not None:
        return store_url
    status = read_status(data)
    if status is None:
        refuse(f"there has never been a stack on {data}: `oo-ml up{data_option(data)}`, or give {otherwise}")
    return status.store_url
