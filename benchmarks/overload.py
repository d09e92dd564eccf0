"""What becomes of `/score` at three times its capacity, with and without its limit: `make bench-overload`.

Two transformers, alike but for the limit of calls in flight, one predictor, one nats-server, no Envoy. The capacity is
what a closed loop of a few callers gets answered in a second. Then calls start at fixed times at a multiple of it,
whether or not earlier ones have been answered, and each latency is measured from the time at which its call was meant
to start. Phases of both transformers take turns, so that whatever else the machine does meets both.

Only an answer by the model counts as answered: one by the baseline is missed, like a refusal and like one that had not
come a second after the end of its phase.

    make bench-overload ARGS="--phases 5 --max-p99 50"
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import numpy as np
import uvloop
from oo_serving.connection_pool import ConnectionPool
from score import call, fitted, free_port, make_streams, start, wait_for

GRACE_S = 1.0  # after a phase, for what it sent
CALLERS = 8  # of the closed loop that measures the capacity
MANY = 1_000_000  # calls in flight, of which there are never so many
CONNECTIONS = 256  # open when a phase starts: uvloop accepts one a turn of its loop, and a gateway keeps those it has
PATIENCE_S = 60.0  # for one call
QUIET_MS = 20.0  # a call that takes less finds a server that has worked off what it took


def main() -> None:
    options = arguments()
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as running:
        fitted(Path(folder))
        ports = started(Path(folder), options, running)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            found = runner.run(measured(ports, options))
    print(json.dumps(found, indent=2) if options.json else table(found, options))
    p99 = found["with"]["p99_ms"]
    if options.max_p99 is not None and not p99 <= options.max_p99:
        sys.exit(f"FAILED: the p99 of what was answered, {p99:.1f} ms, is above {options.max_p99:g} ms")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--multiple", type=float, default=3, help="of the capacity (default %(default)s)")
    parser.add_argument("--phases", type=int, default=3, help="of each transformer (default %(default)s)")
    parser.add_argument("--seconds", type=float, default=5, help="of each phase (default %(default)s)")
    parser.add_argument("--candidates", type=int, default=10, help="in each call (default %(default)s)")
    parser.add_argument("--max-in-flight", type=int, help="the limit (default: that of the transformer)")
    parser.add_argument("--soft-max-in-flight", type=int, default=0, help="as the transformer's (default %(default)s)")
    parser.add_argument("--max-p99", type=float, help="ms; exit code 1 when the p99 with the limit is above")
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")
    return parser.parse_args()


def started(folder: Path, options: argparse.Namespace, running: contextlib.ExitStack) -> dict[str, int]:
    """Start everything over the model that `fitted` left in the folder, and return the transformers' ports."""
    bus, model, limited, unlimited = (free_port() for _ in range(4))
    python = [sys.executable, "-P", "-m"]
    nats_server = [f"{sys.prefix}/bin/nats-server", "-js", "-sd", f"{folder}/nats", "-a", "127.0.0.1", "-p", f"{bus}"]
    start(running, nats_server, bus)
    start(running, [*python, "oo_predictors", "--model_dir", folder / "model", "--http_port", model], bus)
    given = {} if options.max_in_flight is None else {"OO_TRANSFORMER_MAX_IN_FLIGHT": options.max_in_flight}
    soft = {"OO_TRANSFORMER_SOFT_MAX_IN_FLIGHT": options.soft_max_in_flight}
    limits = {limited: given | soft, unlimited: {"OO_TRANSFORMER_MAX_IN_FLIGHT": MANY}}
    for port, limit in limits.items():
        transformer = [*python, "oo_transformers", "--predictor_host", f"127.0.0.1:{model}", "--http_port", port]
        start(running, transformer, bus, OO_TRANSFORMER_BUDGET_MS=40, **limit)
    for port in (bus, model, limited, unlimited):
        wait_for(port)
    asyncio.run(make_streams(bus))
    return {"with": limited, "without": unlimited}


@dataclass(frozen=True, slots=True)
class Caller:
    """The calls to one transformer, over connections that are kept, as a gateway keeps them."""

    pool: ConnectionPool
    body: bytes

    async def call(self) -> str:
        """How one call ended: answered, degraded or refused, or the status that it should not have."""
        try:
            reply = await self.pool.post("/score", self.body, (), PATIENCE_S)
        except OSError:
            return "failed"
        match reply.status:
            case 200:
                return "answered" if b'"degraded":null' in reply.body else "degraded"
            case 503:
                return "refused"
        return str(reply.status)

    async def warm_up(self) -> None:
        """Open some connections, which at the start of a phase would cost the server more than the calls."""
        await asyncio.gather(*(self.pool.call(b"GET", "/healthz/live", (), (), PATIENCE_S) for _ in range(CONNECTIONS)))


async def measured(ports: dict[str, int], options: argparse.Namespace) -> dict[str, dict[str, float]]:
    """The capacity, and what became of the calls beyond it."""
    body = json.dumps(call(options.candidates)).encode()
    callers = {name: Caller(ConnectionPool(f"http://127.0.0.1:{port}"), body) for name, port in ports.items()}
    for caller in callers.values():
        await capacity(caller, 1.0)
    per_second = max([await capacity(caller, options.seconds) for caller in callers.values()])
    ended: dict[str, list[tuple[str, float]]] = {name: [] for name in callers}
    for place in range(options.phases):
        for name in list(callers) if place % 2 else list(callers)[::-1]:
            ended[name] += await open_loop(callers[name], options.multiple * per_second, options.seconds)
            await quiet(callers[name])
    return {
        "capacity": {"per_second": per_second},
        **{name: figures(calls, options.phases * options.seconds) for name, calls in ended.items()},
    }


async def capacity(caller: Caller, seconds: float) -> float:
    """Answers by the model per second to callers that wait for each."""
    counts: Counter[str] = Counter()
    end = perf_counter() + seconds

    async def loop() -> None:
        while perf_counter() < end:
            counts[await caller.call()] += 1

    await asyncio.gather(*(loop() for _ in range(CALLERS)))
    return counts["answered"] / seconds


async def open_loop(caller: Caller, rate: float, seconds: float) -> list[tuple[str, float]]:
    """How each call ended, and its ms from the time at which it was meant to start."""
    ended: list[tuple[str, float]] = []
    await caller.warm_up()
    begin = perf_counter()

    async def one(intended: float) -> None:
        how = await caller.call()
        ended.append((how, (perf_counter() - intended) * 1000))

    calls = []
    for place in range(int(rate * seconds)):
        intended = begin + place / rate
        await asyncio.sleep(max(0.0, intended - perf_counter()))
        calls.append(asyncio.create_task(one(intended)))
    _, late = await asyncio.wait(calls, timeout=GRACE_S)
    for task in late:
        task.cancel()
    await asyncio.gather(*late, return_exceptions=True)
    return ended + [("late", float("inf"))] * len(late)


async def quiet(caller: Caller) -> None:
    """Wait until the server answers by the model again, and soon."""
    while True:
        began = perf_counter()
        if await caller.call() == "answered" and (perf_counter() - began) * 1000 < QUIET_MS:
            return
        await asyncio.sleep(0.1)


def figures(calls: list[tuple[str, float]], seconds: float) -> dict[str, float]:
    counts = Counter(how for how, _ in calls)
    answered = [ms for how, ms in calls if how == "answered"]
    p50, p99 = np.percentile(answered, [50, 99]) if answered else (float("nan"), float("nan"))
    missed = {how: count for how, count in sorted(counts.items()) if how != "answered"}
    return {
        "calls": len(calls),
        "answered": len(answered),
        "answered_per_second": len(answered) / seconds,
        "p50_ms": float(p50),
        "p99_ms": float(p99),
        **missed,
    }


def table(found: dict[str, dict[str, float]], options: argparse.Namespace) -> str:
    lines = [
        f"{options.candidates} candidates; the capacity is {found['capacity']['per_second']:.0f} answers a second",
        f"{options.multiple:g} times as many calls, {options.phases} alternating phases of {options.seconds:g} s",
    ]
    for name in ("with", "without"):
        side = dict(found[name])
        calls, answered, rate, p50, p99 = (
            side.pop(key) for key in ("calls", "answered", "answered_per_second", "p50_ms", "p99_ms")
        )
        missed = ", ".join(f"{count:g} {how}" for how, count in side.items())
        lines.append(
            f"  {name + ' the limit':<18} {answered:6g} of {calls:g} answered ({rate:.0f}/s)   "
            f"p50 {p50:7.1f}   p99 {p99:7.1f} ms   missed: {missed or 'none'}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
