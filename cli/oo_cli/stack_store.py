"""The effect store of a command: the one its options name, or that of the stack on a data folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from oo_consumers.effect_store import Store, StoreError, StoreUnavailable

from oo_cli.running_stack import store_of
from oo_cli.terminal import refuse

__all__ = ["open_store"]


@contextmanager
def open_store(data: Path, store_url: str | None, otherwise: str = "--store-url") -> Iterator[Store]:
    """Have the store open inside the block; a store that cannot be opened or read is refused.

    `otherwise` names the option that does without a stack.
    """
    try:
        with closing(Store.open(store_of(data, store_url, otherwise))) as store:
            yield store
    except (StoreError, StoreUnavailable, OverflowError) as error:
        refuse(str(error))
