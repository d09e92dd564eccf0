"""A flame graph of one process of ours under load: `make bench-flame`.

py-spy samples the process, without changing it, while an open loop calls with a chosen number of candidates. It is no
part of this project: the variable OO_BENCH_PY_SPY names its program, unless it is on the PATH.

    make bench-flame OUT=results ARGS="--candidates 50"
    make bench-flame OUT=results ARGS="--side stack --process consumers --rate 300"
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import uvloop

from oo_bench.chains import catalogue
from oo_bench.chains.side import Side
from oo_bench.figures import latencies
from oo_bench.load import ClosedLoop, OpenLoop
from oo_bench.processes import ProcessEnded, Processes
from oo_bench.ranker import write_ranker

__all__ = ["main", "pid_of", "py_spy_options"]

PY_SPY_VARIABLE = "OO_BENCH_PY_SPY"
SAMPLES_PER_SECOND = 250
SUFFIXES = {"flamegraph": ".svg", "raw": ".txt", "speedscope": ".json"}
WARM_UP_S, LEAD_S = 3.0, 1.0  # of calls before the samples; of calls on either side of them


def main(arguments: Sequence[str]) -> int:
    """Start a side, call it, sample one of its processes, and return the exit code."""
    options = parse(arguments)
    program = os.environ.get(PY_SPY_VARIABLE) or shutil.which("py-spy")
    if program is None:
        print(f"FAILED: there is no py-spy; {PY_SPY_VARIABLE} may name one", file=sys.stderr)
        return 1
    options.out.mkdir(parents=True, exist_ok=True)
    file = options.out / f"{options.side}-{options.process}-{options.candidates}{SUFFIXES[options.format]}"
    try:
        with tempfile.TemporaryDirectory() as name, Processes(Path(name)) as processes:
            write_ranker(Path(name))
            sides, _ = catalogue.start(processes, Path(name), [options.side])
            command = [program, *py_spy_options(pid_of(sides[0], options.process), options, file)]
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                answered = runner.run(sample(sides[0], command, options))
            processes.check()
    except ProcessEnded as error:
        print(f"FAILED: {error}", file=sys.stderr)
        return 1
    print(f"wrote {file}: {answered} answers with {options.candidates} candidates")
    return 0


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse the command line.

    Raises:
        SystemExit: an option is not valid.
    """
    parser = argparse.ArgumentParser(prog="make bench-flame", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--out", type=Path, required=True, help="folder of the graph")
    parser.add_argument("--side", choices=("ours", "envoy", "stack"), default="ours", help="(default %(default)s)")
    parser.add_argument("--process", default="transformer", help="of that side (default %(default)s)")
    parser.add_argument("--candidates", type=int, default=10, help="in each call (default %(default)s)")
    parser.add_argument("--rate", type=float, default=100, help="calls a second (default %(default)s)")
    parser.add_argument("--seconds", type=int, default=15, help="of samples (default %(default)s)")
    parser.add_argument("--format", choices=SUFFIXES, default="flamegraph", help="as py-spy's (default %(default)s)")
    return parser.parse_args(arguments)


def pid_of(side: Side, name: str) -> int:
    """Return the number of one of a side's processes.

    Raises:
        SystemExit: it has none of that name.
    """
    if name not in side.pids:
        sys.exit(f"FAILED: {side.name} has no process {name}; it has {', '.join(side.pids)}")
    return side.pids[name]


def py_spy_options(pid: int, options: argparse.Namespace, file: Path) -> list[str]:
    """Return the arguments by which py-spy samples a process and its children, only while they have a core."""
    sampling = ["--subprocesses", "--rate", str(SAMPLES_PER_SECOND), "--duration", str(options.seconds)]
    return ["record", "--pid", str(pid), *sampling, "--format", options.format, "--output", str(file)]


async def sample(side: Side, command: Sequence[str], options: argparse.Namespace) -> int:
    """Call, and sample meanwhile; return how many calls were answered.

    Raises:
        ProcessEnded: py-spy failed.
    """
    caller = await side.connect(options.candidates)
    await ClosedLoop(1).run(caller, WARM_UP_S)
    calls = asyncio.create_task(OpenLoop(options.rate).run(caller, options.seconds + 2 * LEAD_S))
    await asyncio.sleep(LEAD_S)
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
    result = await calls
    if done.returncode:
        raise ProcessEnded(f"py-spy failed: {done.stderr[-1_000:] or done.stdout[-1_000:]}")
    return len(latencies(result))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
