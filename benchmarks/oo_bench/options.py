"""The options of `make bench`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from oo_bench.chains import catalogue
from oo_bench.plan import CANDIDATES

__all__ = ["Options", "parse"]

QUICK_ROUNDS, QUICK_SECONDS = 2, 0.3
DAYS, QUICK_DAYS = 7, 2  # of the world that is trained on; `oo-ml up` simulates 7 before its first training


@dataclass(frozen=True, slots=True)
class Options:
    """What a run measures, and where its files go."""

    out: Path
    rounds: int
    seconds: float
    candidates: tuple[int, ...]
    only: tuple[str, ...]
    simulated_days: int
    document: bool


def parse(arguments: Sequence[str]) -> Options:
    """Parse the command line.

    Raises:
        SystemExit: an option is not valid.
    """
    parser = argparse.ArgumentParser(
        prog="make bench OUT=DIR ARGS=…", description="Measure serving beside floors and peers, in interleaved rounds."
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of bench.json and bench.html")
    parser.add_argument("--rounds", type=int, help="of everything (default 5)")
    parser.add_argument("--seconds", type=float, help="of each load in a round (default 1.5)")
    parser.add_argument("--candidates", type=int, nargs="+", choices=CANDIDATES, default=CANDIDATES, help="in a call")
    parser.add_argument(
        "--only", nargs="+", choices=catalogue.names(), default=catalogue.names(), help="sides (default: all)"
    )
    parser.add_argument("--quick", action="store_true", help="short rounds: to see that it works, not for figures")
    parser.add_argument("--document", action="store_true", help="write the figures into docs/performance.md, too")
    args = parser.parse_args(arguments)
    rounds, seconds = (QUICK_ROUNDS, QUICK_SECONDS) if args.quick else (5, 1.5)
    return Options(
        out=args.out,
        rounds=args.rounds or rounds,
        seconds=args.seconds or seconds,
        candidates=tuple(sorted(args.candidates)),
        only=tuple(args.only),
        simulated_days=QUICK_DAYS if args.quick else DAYS,
        document=args.document,
    )
