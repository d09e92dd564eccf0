"""The supervisor of an embedded stack, as `oo-ml up --detach` starts it: `python -m oo_local up --data FOLDER`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from oo_contracts.stack_status import DEFAULT_DATA_DIR
from rich.console import Console

from oo_local import environment
from oo_local.layout import Layout
from oo_local.start import start_foreground

__all__ = ["main"]


def arguments(argv: Sequence[str]) -> argparse.Namespace:
    """Parse the command line.

    Raises:
        SystemExit: an argument is not valid.
    """
    parser = argparse.ArgumentParser(
        prog="python -m oo_local",
        description="Start everything and keep it running until a signal. The command line for people is `oo-ml`.",
    )
    parser.add_argument("command", choices=("up",), help="What to do.")
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA_DIR, help="Folder of the data (default %(default)s).")
    parser.add_argument("--port", type=int, default=8080, help="Port of the ingress (default %(default)s).")
    parser.add_argument(
        "--timeout", type=float, default=180, help="Seconds for each part to become ready (default %(default)g)."
    )
    return parser.parse_args(argv)


def main() -> None:
    """Start the stack; the exit code is 1 when it does not start and 2 for a misspelt variable."""
    args = arguments(sys.argv[1:])
    if wrong := environment.errors(os.environ):
        print(*(f"oo_local: {line}" for line in wrong), sep="\n", file=sys.stderr)  # noqa: T201  # a line for each
        sys.exit(2)
    sys.exit(start_foreground(Layout(args.data.absolute(), args.port), Console(highlight=False), args.timeout))


if __name__ == "__main__":
    main()
