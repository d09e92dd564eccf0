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
MANY = 1_000_000  # calls in flight, of which there are never so many
CONNECTIONS = 256  # open when a phase starts: uvloop accepts one a turn of its loop, and a gateway keeps those it has
PATIENCE_S = 60.0  # for one call
QUIET_MS = 20.0  # a call that takes less finds a server that has worked off what it took


def main() -> None:
    options = arguments()
    with tempfile.TemporaryDirectory() as name, Processes(Path(name)) as processes:
        ports = started(processes, Path(name), options)
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


def started(processes: Processes, folder: Path, options: argparse.Namespace) -> dict[str, int]:
    """Start everything, and return the transformers' ports."""
    write_ranker(folder)
    nats_url = ours.start_nats(processes, folder)
    predictor = ours.start_predictor(processes, folder, nats_url)
    given = {} if options.max_in_flight is None else {"OO_TRANSFORMER_MAX_IN_FLIGHT": options.max_in_flight}
    limits = {
        "with": {**given, "OO_TRANSFORMER_SOFT_MAX_IN_FLIGHT": options.soft_max_in_flight},
        "without": {"OO_TRANSFORMER_MAX_IN_FLIGHT": MANY},
    }
    ports = {
        name: ours.start_transformer(processes, predictor, nats_url, name, OO_TRANSFORMER_BUDGET_MS=BUDGET_MS, **limit)
        for name, limit in limits.items()
    }
    processes.wait_until_ready()
    return ports


async def measured(ports: dict[str, int], options: argparse.Namespace) -> dict[str, dict[str, float]]:
    """The capacity, and what became of the calls beyond it."""
    callers = {name: caller_of(port, options.candidates) for name, port in ports.items()}
    for caller in callers.values():
        await capacity(caller, 1.0)
    per_second = max([await capacity(caller, options.seconds) for caller in callers.values()])
    ended: dict[str, list[LoadResult]] = {name: [] for name in callers}
    for place in range(options.phases):
        for name in list(callers) if place % 2 else list(callers)[::-1]:
            await warm_up(callers[name])
            load = OpenLoop(options.multiple * per_second, drain_s=GRACE_S)
            ended[name].append(await load.run(callers[name], options.seconds))
            await quiet(callers[name])
    return {
        "capacity": {"per_second": per_second},
        **{name: figures(results, options.phases * options.seconds) for name, results in ended.items()},
    }


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
