"""The comparison with the ratios that are committed: `make bench-check`.

Ours, the stock KServe chain and the floor are measured in up to three tries. A ratio that has worsened by more than
30 % in two of them fails the check: one try alone may have met something else that the machine did. Only ratios of
sides of the same run are compared, and the size of an event, so that the committed ones hold on other machines, too.

    make bench-check                 # compares
    make bench-check ARGS=--update   # writes what this run finds, to be committed
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import uvloop

from oo_bench.chains import catalogue
from oo_bench.chains.side import Side, VerificationFailed
from oo_bench.decision_sample import last_decision
from oo_bench.load import ClosedLoop
from oo_bench.missed_calls import has_faults
from oo_bench.plan import Cell, steps
from oo_bench.processes import ProcessEnded, Processes
from oo_bench.progress import Progress
from oo_bench.ranker import write_ranker
from oo_bench.ratios import find_ratios
from oo_bench.rounds import Rounds
from oo_bench.verdict import KEPT, is_decided, worsened

__all__ = ["BASELINE"]

BASELINE = Path(__file__).with_name("baseline.json")
SIDES = ("floor", "ours", "stock")
CANDIDATES = (10, 50)
PLAN = (Cell(ClosedLoop(1), CANDIDATES), Cell(ClosedLoop(16), CANDIDATES))
TRIES, UPDATE_TRIES = 3, 8  # what is committed has to be of more than one moment of a machine
Try = Mapping[str, float]


def main(arguments: Sequence[str]) -> int:
    """Compare, or update the committed ratios, and return the exit code."""
    parser = argparse.ArgumentParser(prog="make bench-check", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--update", action="store_true", help="write the ratios of this run instead")
    parser.add_argument("--rounds", type=int, default=5, help="in each try (default %(default)s)")
    parser.add_argument("--seconds", type=float, default=0.4, help="of each load in a round (default %(default)s)")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is stopped
    baseline: Try = {} if options.update else json.loads(BASELINE.read_text())
    try:
        tries = run(baseline, options)
    except (ProcessEnded, VerificationFailed) as error:
        print(f"FAILED: {error}", file=sys.stderr)
        return 1
    if options.update:
        found = {name: round(statistics.median(one[name] for one in tries), 3) for name in KEPT}
        BASELINE.write_text(json.dumps(found, indent=1) + "\n")
    print(*table(baseline, tries), sep="\n")
    failures = worsened(baseline, tries)
    for name in failures:
        print(f"FAILED: {name} has worsened by more than 30 % in two tries")
    return 1 if failures else 0


def run(baseline: Try, options: argparse.Namespace) -> list[Try]:
    """Return the ratios of as many tries as decide.

    Raises:
        ProcessEnded: a process ended while it was measured, or did not start.
        VerificationFailed: a side answers something else than it should, or by an error.
    """
    with tempfile.TemporaryDirectory() as name, Processes(Path(name)) as processes:
        write_ranker(Path(name))
        sides, _ = catalogue.start(processes, Path(name), SIDES)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(_tries(baseline, sides, processes, options))


async def _tries(baseline: Try, sides: Sequence[Side], processes: Processes, options: argparse.Namespace) -> list[Try]:
    sizes = await _event_sizes(sides, processes)
    growth = (sizes[1] - sizes[0]) / (CANDIDATES[1] - CANDIDATES[0])
    measured, tries = Rounds(options.seconds, processes.check), list[Try]()
    await measured.warm_up(sides, CANDIDATES)
    most = UPDATE_TRIES if options.update else TRIES
    while len(tries) < most and not is_decided(baseline, tries):
        todo = tuple(steps(PLAN, sides, CANDIDATES, options.rounds))
        progress = Progress(len(todo), options.rounds)
        measured.clear()
        for step in todo:
            progress.step(step, await measured.measure(step))
        measurements = measured.measurements()
        if has_faults(measurements):
            raise VerificationFailed(f"calls were missed: {[item.missed for item in measurements if item.missed]}")
        spreads = find_ratios(measurements)
        found = {name: spread.median for name, spread in spreads.items() if spread is not None}
        tries.append({**found, "event_bytes_per_candidate": growth})
    return tries


async def _event_sizes(sides: Sequence[Side], processes: Processes) -> list[int]:
    """Return the bytes of a decision event by number of candidates."""
    (ours,) = (side for side in sides if side.name == "ours")
    sizes = []
    for count in CANDIDATES:
        await ours.connect(count)
        await asyncio.sleep(1)  # the event leaves after the answer
        sizes.append(len((await last_decision(f"nats://127.0.0.1:{processes.ports['nats']}")).data))
    return sizes


def table(baseline: Try, tries: Sequence[Try]) -> list[str]:
    """Return a line for each ratio: the committed one, and that of each try."""
    lines = [f"{'ratio':<28} {'committed':>10}   tries"]
    for name in KEPT:
        committed = f"{baseline[name]:10.3f}" if name in baseline else f"{'-':>10}"
        lines.append(f"{name:<28} {committed}   {'  '.join(f'{one[name]:.3f}' for one in tries)}")
    return lines


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
