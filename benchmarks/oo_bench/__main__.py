"""The entry of `make bench`."""

from __future__ import annotations

import signal
import sys

from oo_bench.benchmark import run
from oo_bench.chains.side import VerificationFailed
from oo_bench.document import write_figures
from oo_bench.event_backlog import NotConsumed
from oo_bench.missed_calls import has_faults, missed_calls
from oo_bench.options import Options, parse
from oo_bench.page import page
from oo_bench.processes import ProcessEnded
from oo_bench.results import Bench
from oo_bench.summary import ratio_lines


def main(arguments: list[str]) -> int:
    """Run, write the files, and return the exit code: 1 when a side died, or made errors in a closed loop."""
    options = parse(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is stopped
    options.out.mkdir(parents=True, exist_ok=True)
    try:
        bench = run(options)
    except (NotConsumed, ProcessEnded, VerificationFailed) as error:
        print(f"FAILED: {error}", file=sys.stderr)
        return 1
    write(bench, options)
    print(*ratio_lines(bench), sep="\n")
    for line in missed_calls(bench):
        print(f"MISSED {line}")
    return 1 if has_faults(bench.measurements) else 0


def write(bench: Bench, options: Options) -> None:
    """Write the file and the page, and the document if that was asked for."""
    for name, text in (("bench.json", bench.model_dump_json(indent=1) + "\n"), ("bench.html", page(bench))):
        (options.out / name).write_text(text)
        print(f"wrote {options.out / name}", file=sys.stderr)
    if options.document:
        write_figures(bench)
        print("wrote the figures of docs/performance.md", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
