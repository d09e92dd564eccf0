"""`python -m oo_contracts write` writes openapi.json and asyncapi.json; `check` says whether they are current."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from oo_contracts import asyncapi, openapi


def main() -> None:
    """Write the two documents, or compare them with the files in the folder.

    `check` exits with code 1 and names each file that differs from what the models generate.
    """
    parser = argparse.ArgumentParser(prog="python -m oo_contracts", description=__doc__)
    parser.add_argument("command", choices=("write", "check"))
    parser.add_argument("folder", type=Path, nargs="?", default=Path("contracts"), help="(default %(default)s)")
    args = parser.parse_args()
    documents = {"openapi.json": openapi.document(), "asyncapi.json": asyncapi.document()}
    texts = {
        args.folder / name: json.dumps(document, indent=2, sort_keys=True) + "\n"
        for name, document in documents.items()
    }
    if args.command == "write":
        for path, text in texts.items():
            path.write_text(text)
        return
    stale = [str(path) for path, text in texts.items() if not path.exists() or path.read_text() != text]
    sys.exit(f"not current: {', '.join(stale)}: run `python -P -m oo_contracts write`" if stale else None)


if __name__ == "__main__":
    main()
