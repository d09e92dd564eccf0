"""What rounds of the whole stack leave behind, in bytes by store."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import nats
from oo_contracts.subjects import STREAMS
from oo_local.layout import Layout

from oo_bench.chains.side import Side
from oo_bench.decision_sample import last_decision
from oo_bench.figures import latencies
from oo_bench.load import Caller, OpenLoop
from oo_bench.results import Storage

__all__ = ["event_bytes_per_candidate", "measure_storage", "stored_bytes"]

RATE = 100  # rounds a second: the offline log writes a file for each two seconds of them


async def measure_storage(side: Side, caller: Caller, candidates: int, seconds: float) -> Storage:
    """Make rounds, and return what they left behind."""
    layout = side.layout
    if layout is None:
        raise ValueError(f"{side.name} has no stores")
    await side.settle()
    before = await stored_bytes(layout)
    result = await OpenLoop(RATE).run(caller, seconds)
    await side.settle()
    after = await stored_bytes(layout)
    rounds = len(latencies(result))
    return Storage(
        candidates=candidates,
        rounds=rounds,
        bytes_per_round={name: (after[name] - before[name]) / rounds for name in after},
        event_bytes=len((await last_decision(layout.nats_url)).data),
    )


async def stored_bytes(layout: Layout) -> dict[str, int]:
    """Return the size of each store: of NATS what its streams hold, of the others what is on the disk."""
    return {
        "NATS": await _stream_bytes(layout.nats_url),
        "effect store": _sqlite_bytes(layout.data / "effects.db"),
        "offline log": _folder_bytes(Path(layout.lake_url)),
    }


async def _stream_bytes(url: str) -> int:
    connection = await nats.connect(url, allow_reconnect=False)
    js = connection.jetstream()
    size = sum([(await js.stream_info(stream.name)).state.bytes for stream in STREAMS])
    await connection.close()
    return int(size)


def _sqlite_bytes(file: Path) -> int:
    """Return the size of a database by its pages, some of which may still be in the write-ahead log."""
    with closing(sqlite3.connect(file)) as connection:
        (pages,), (size,) = (connection.execute(f"PRAGMA {name}").fetchone() for name in ("page_count", "page_size"))
    return int(pages * size)


def _folder_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def event_bytes_per_candidate(storage: Sequence[Storage]) -> float | None:
    """Return the bytes by which a decision event grows with each candidate; None of one number of candidates."""
    sizes = sorted((item.candidates, item.event_bytes) for item in storage)
    if len(sizes) < 2:
        return None
    (few, least), (many, most) = sizes[0], sizes[-1]
    return (most - least) / (many - few)
