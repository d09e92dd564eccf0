"""What a hostile client costs a quiet one: `make bench-hostile`.

The quiet client calls `/score` with ten tasks, one call after another on one connection; the hostile one sends 20 of
the worst bodies a second. One transformer, one predictor, one nats-server, no Envoy; quiet phases and hostile ones take
turns, so that whatever else the machine does meets both. The ratio is that of the medians of the phases' p99s.

    make bench-hostile ARGS="--phases 10 --max-ratio 1.5"
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from oo_bench.chains import ours
from oo_bench.load import ANSWERED, Caller
from oo_bench.processes import Processes
from oo_bench.ranker import write_ranker

CLIENT = Path(__file__).with_name("hostile_client.py")
TASKS = 10  # in each call of the quiet client
PAUSE_S = 0.015  # between two calls of the quiet client
SETTLING_S = 2.0  # after a hostile phase: what it left is worked off
EXPECTED = {"200", "413", "422", "503"}  # statuses of hostile calls; 503 is a refusal of what waits behind others


def main() -> None:
    options = arguments()
    counts: Counter[str] = Counter()
    missed: Counter[str] = Counter()
    quiet: list[float] = []
    attacked: list[float] = []
    with tempfile.TemporaryDirectory() as name, Processes(Path(name)) as processes, asyncio.Runner() as runner:
        port = started(processes, Path(name))
        caller = runner.run(ours.score_side("ours", "oO/ml /score", port, {}).connect(TASKS))
        p99 = lambda: runner.run(quiet_p99(caller, options.calls, missed))  # noqa: E731  # of one phase
        p99()
        missed.clear()
        for _ in range(options.phases):
            quiet.append(p99())
            with hostile(port, options.rate, counts):
                attacked.append(p99())
            time.sleep(SETTLING_S)
            processes.check()
    ratio = statistics.median(attacked) / statistics.median(quiet)
    print(table(quiet, attacked, ratio, counts))
    if odd := set(counts) - EXPECTED:
        sys.exit(f"FAILED: hostile calls ended with {sorted(odd)}")
    if missed:
        sys.exit(f"FAILED: calls of the quiet client were missed: {dict(missed)}")
    if options.max_ratio is not None and ratio > options.max_ratio:
        sys.exit(f"FAILED: the ratio {ratio:.2f} is above {options.max_ratio:g}")


def started(processes: Processes, folder: Path) -> int:
    """Start nats-server, predictor and transformer, and return the port of the last."""
    write_ranker(folder)
    port = ours.start_chain(processes, folder)
    processes.wait_until_ready()
    return port


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--phases", type=int, default=6, help="of each kind (default %(default)s)")
    parser.add_argument("--calls", type=int, default=300, help="of the quiet client in each (default %(default)s)")
    parser.add_argument("--rate", type=float, default=20, help="hostile calls a second (default %(default)s)")
    parser.add_argument("--max-ratio", type=float, help="exit code 1 when the ratio of the p99s is above")
    return parser.parse_args()


async def quiet_p99(caller: Caller, calls: int, missed: Counter[str]) -> float:
    """The 99th percentile of the quiet client's calls, in ms, without those that were missed."""
    answered = []
    for _ in range(calls):
        await asyncio.sleep(PAUSE_S)
        began = time.perf_counter()
        outcome = await caller.call()
        ms = (time.perf_counter() - began) * 1000
        if outcome == ANSWERED:
            answered.append(ms)
        else:
            missed[outcome] += 1
    if not answered:
        sys.exit(f"FAILED: all calls were missed: {dict(missed)}")
    return float(np.percentile(answered, 99))


@contextlib.contextmanager
def hostile(port: int, rate: float, counts: Counter[str]) -> Iterator[None]:
    """The hostile client beside the block; how its calls ended is counted."""
    command = [sys.executable, "-P", str(CLIENT), str(port), str(rate)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as client:  # noqa: S603  # ours
        if client.stdout is None or not client.stdout.readline():
            sys.exit("FAILED: the hostile client did not start")
        try:
            yield
        finally:
            client.send_signal(signal.SIGTERM)
            counts.update(json.loads(client.stdout.read() or "{}"))


def table(quiet: list[float], attacked: list[float], ratio: float, counts: Counter[str]) -> str:
    phases = [
        f"  {name:<24} {' '.join(f'{ms:6.1f}' for ms in found)}"
        for name, found in (("alone", quiet), ("beside a hostile client", attacked))
    ]
    ended = ", ".join(f"{status}: {count}" for status, count in sorted(counts.items()))
    return "\n".join(
        [
            "p99 of a quiet client by phase, in ms",
            *phases,
            f"  ratio of the medians     {ratio:6.2f}",
            f"  hostile calls ended      {ended}",
        ]
    )


if __name__ == "__main__":
    main()
