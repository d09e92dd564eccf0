"""The entry of `make bench`."""

from __future__ import annotations

import signal
import sys

from oo_bench.benchmark import missed_calls, run
from oo_bench.chains.side import VerificationFailed
from oo_bench.options import parse
from oo_bench.processes import ProcessEnded


def main(arguments: list[str]) -> int:
    """Run, write the files, and return the exit code: 1 when a side died or missed calls of a closed loop."""
    options = parse(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is stopped
    options.out.mkdir(parents=True, exist_ok=True)
    try:
        bench = run(options)
    except (ProcessEnded, VerificationFailed) as error:
        print(f"FAILED: {error}", file=sys.stderr)
        return 1
    file = options.out / "bench.json"
    file.write_text(bench.model_dump_json(indent=1) + "\n")
    print(f"wrote {file}", file=sys.stderr)
    for name, value in bench.ratios.items():
        spread = bench.ratio_ranges[name]
        print(f"{name:<28} {value:8.3f}  [{spread.lowest:.3f}, {spread.highest:.3f}]")
    for line in missed_calls(bench):
        print(f"MISSED {line}")
    closed = any(item.missed for item in bench.measurements if item.load.startswith("closed"))
    return 1 if closed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
