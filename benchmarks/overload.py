"""What becomes of `/score` at three times its capacity: `make bench-overload`.

One transformer, one predictor, one nats-server, no Envoy. The capacity is what a closed loop of a few callers gets
answered in a second. Then calls start at fixed times at a multiple of it, whether or not earlier ones have been
answered, and each latency is measured from the time at which its call was meant to start. Phases of both take turns, so
that whatever else the machine does meets both.

Only an answer by the model counts as answered: one by the baseline is missed, like a refusal and like one that had not
come a second after the end of its phase.

    make bench-overload ARGS="--phases 5 --max-p99 50"
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from pathlib import Path
from time import perf_counter

import numpy as np
import uvloop
from oo_bench.call_bodies import score_body
from oo_bench.chains import ours
from oo_bench.figures import latencies, missed
from oo_bench.http_caller import HttpCaller, score_outcome
from oo_bench.load import ANSWERED, ClosedLoop, LoadResult, OpenLoop
from oo_bench.processes import Processes
from oo_bench.ranker import write_ranker
from oo_serving.connection_pool import ConnectionPool

GRACE_S = 1.0  # after a phase, for what it sent
CALLERS = 8  # of the closed loop that measures the capacity
BUDGET_MS = 40  # as the transformer has by default
CONNECTIONS = 256  # open when a phase starts: uvloop accepts one a turn of its loop, and a gateway keeps those it has
PATIENCE_S = 60.0  # for one call
QUIET_MS = 20.0  # a call that takes less finds a server that has worked off what it took


def main() -> None:
    options = arguments()
    with tempfile.TemporaryDirectory() as name, Processes(Path(name)) as processes:
        port = started(processes, Path(name), options)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            found = runner.run(measured(port, options))
    print(json.dumps(found, indent=2) if options.json else table(found, options))
    p99 = found["p99_ms"]
    if options.max_p99 is not None and not p99 <= options.max_p99:
        sys.exit(f"FAILED: the p99 of what was answered, {p99:.1f} ms, is above {options.max_p99:g} ms")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--multiple", type=float, default=3, help="of the capacity (default %(default)s)")
    parser.add_argument("--phases", type=int, default=3, help="of each load (default %(default)s)")
    parser.add_argument("--seconds", type=float, default=5, help="of each phase (default %(default)s)")
    parser.add_argument("--candidates", type=int, default=10, help="in each call (default %(default)s)")
    parser.add_argument("--max-in-flight", type=int, help="the limit (default: that of the transformer)")
    parser.add_argument("--soft-max-in-flight", type=int, default=0, help="as the transformer's (default %(default)s)")
    parser.add_argument("--max-p99", type=float, help="ms; exit code 1 when the p99 of what is answered is above")
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")
    return parser.parse_args()


def started(processes: Processes, folder: Path, options: argparse.Namespace) -> int:
    """Start everything, and return the transformer's port."""
    write_ranker(folder)
    settings = {
        "OO_TRANSFORMER_BUDGET_MS": BUDGET_MS,
        "OO_TRANSFORMER_SOFT_MAX_IN_FLIGHT": options.soft_max_in_flight,
    }
    if options.max_in_flight is not None:
        settings["OO_TRANSFORMER_MAX_IN_FLIGHT"] = options.max_in_flight
    port = ours.start_chain(processes, folder, **settings)
    processes.wait_until_ready()
    return port


async def measured(port: int, options: argparse.Namespace) -> dict[str, float]:
    """The capacity, and what became of the calls beyond it."""
    caller = caller_of(port, options.candidates)
    await capacity(caller, 1.0)
    capacities: list[float] = []
    ended: list[LoadResult] = []
    for _ in range(options.phases):
        capacities.append(await capacity(caller, options.seconds))
        await warm_up(caller)
        ended.append(await OpenLoop(options.multiple * max(capacities), drain_s=GRACE_S).run(caller, options.seconds))
        await quiet(caller)
    found = figures(ended, options.phases * options.seconds)
    per_second = max(capacities)
    return {"capacity_per_second": per_second, "share": found["answered_per_second"] / per_second, **found}


def caller_of(port: int, candidates: int) -> HttpCaller:
    """The calls to one transformer, over connections that are kept, as a gateway keeps them."""
    return HttpCaller(ConnectionPool(f"http://127.0.0.1:{port}"), "/score", score_body(candidates), score_outcome)


async def warm_up(caller: HttpCaller) -> None:
    """Open some connections, which at the start of a phase would cost the server more than the calls."""
    live = (caller.pool.call(b"GET", "/healthz/live", (), (), PATIENCE_S) for _ in range(CONNECTIONS))
    await asyncio.gather(*live)


async def capacity(caller: HttpCaller, seconds: float) -> float:
    """Answers by the model per second to callers that wait for each."""
    result = await ClosedLoop(CALLERS).run(caller, seconds)
    return len(latencies(result)) / result.seconds


async def quiet(caller: HttpCaller) -> None:
    """Wait until the server answers by the model again, and soon."""
    while True:
        began = perf_counter()
        if await caller.call() == ANSWERED and (perf_counter() - began) * 1000 < QUIET_MS:
            return
        await asyncio.sleep(0.1)


def figures(results: list[LoadResult], seconds: float) -> dict[str, float]:
    answered = [ms for result in results for ms in latencies(result)]
    p50, p99 = np.percentile(answered, [50, 99]) if answered else (float("nan"), float("nan"))
    return {
        "calls": sum(len(result.calls) for result in results),
        "answered": len(answered),
        "answered_per_second": len(answered) / seconds,
        "p50_ms": float(p50),
        "p99_ms": float(p99),
        **missed(results),
    }


def table(found: dict[str, float], options: argparse.Namespace) -> str:
    side = dict(found)
    names = ("capacity_per_second", "share", "calls", "answered", "answered_per_second", "p50_ms", "p99_ms")
    capacity_per_second, share, calls, answered, rate, p50, p99 = (side.pop(name) for name in names)
    how = ", ".join(f"{count:g} {what}" for what, count in side.items())
    return "\n".join(
        [
            f"{options.candidates} candidates; the capacity is {capacity_per_second:.0f} answers a second",
            f"{options.multiple:g} times as many calls, {options.phases} phases of {options.seconds:g} s",
            f"  {answered:g} of {calls:g} answered ({rate:.0f}/s, {share:.2f} of the capacity)",
            f"  p50 {p50:.1f}   p99 {p99:.1f} ms   missed: {how or 'none'}",
        ]
    )


if __name__ == "__main__":
    main()
