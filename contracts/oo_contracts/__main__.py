"""`python -m oo_contracts write` writes openapi.json and asyncapi.json; `check` says whether they are current."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from oo_contracts import asyncapi, openapi


def main() -> None:
    """Write, or compare: exit code 1 and the file's name when it is not what the models say."""
    parser = argparse.ArgumentParser(prog="python -m oo_contracts", description=__doc__)
    parser.add_argument("command", choices=("write", "check"))
    parser.add_argument("folder", type=Path, nargs="?", default=Path("contracts"), help="(default %(default)s)")
    given = parser.parse_args()
    documents = {"openapi.json": openapi.document(), "asyncapi.json": asyncapi.document()}
    texts = {
        given.folder / name: json.dumps(found, indent=2, sort_keys=True) + "\n" for name, found in documents.items()
    }
    if given.command == "write":
        for path, text in texts.items():
            path.write_text(text)
        return
    stale = [str(path) for path, text in texts.items() if not path.exists() or path.read_text() != text]
    sys.exit(f"not current: {', '.join(stale)}: run `python -P -m oo_contracts write`" if stale else None)


if __name__ == "__main__":
    main()
