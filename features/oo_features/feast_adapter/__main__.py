"""`python -m oo_features.feast_adapter apply | push`: bring a Feast store to our declarations, and signals into it."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from oo_contracts.events import Signal

EPILOG = """\
examples:
  python -m oo_features.feast_adapter --folder .feast --offline .feast/offline apply
  nats sub --raw signals.profile_updated | python -m oo_features.feast_adapter --folder .feast push
  python -m oo_features.feast_adapter --registry postgresql+psycopg://feast@db/feast --redis redis:6379 apply

FEAST_REGISTRY and FEAST_REDIS are the same without showing passwords to who lists processes.
"""


def arguments() -> argparse.ArgumentParser:
    """Return the parser of the command line; the two connection addresses may come from the environment instead."""
    parser = argparse.ArgumentParser(
        prog="python -m oo_features.feast_adapter",
        description=__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=("apply", "push"), help="push reads signals from standard input, one a line")
    parser.add_argument("--folder", type=Path, help="embedded: registry and online store as SQLite files in here")
    registry, redis = os.environ.get("FEAST_REGISTRY"), os.environ.get("FEAST_REDIS")  # they hold passwords
    parser.add_argument(
        "--registry", default=registry, metavar="URL", help="cluster: SQLAlchemy URL, or s3://bucket/registry.pb"
    )
    parser.add_argument(
        "--redis", default=redis, metavar="HOST:PORT", help="cluster: the online store, as redis:6379,password=…"
    )
    parser.add_argument("--offline", default="offline", help="folder or URL of <feature>.parquet (default %(default)s)")
    return parser


def main() -> None:
    """Apply the declarations to a Feast store, or push the signals on standard input into it.

    The exit code is 0 when all is done, 1 when a line was no signal (the others are pushed), and 2 for wrong arguments.
    """
    parser = arguments()
    args = parser.parse_args()
    if not args.folder and not (args.registry and args.redis):
        parser.error("either --folder, or --registry and --redis")
    try:
        from oo_features.feast_adapter import feast_store  # noqa: PLC0415  # the extra, and 4 s
    except ModuleNotFoundError as error:
        parser.error(f"{error.name} is not installed: pip install 'oo-features[feast]'")
    if args.folder:
        args.folder.mkdir(parents=True, exist_ok=True)
    config = (
        feast_store.embedded_config(args.folder)
        if args.folder
        else feast_store.cluster_config(args.registry, args.redis)
    )
    if args.command == "apply":
        views = feast_store.apply(config, args.offline).list_feature_views()
        print(json.dumps({"views": [view.name for view in views]}))  # noqa: T201  # the answer
        return
    feast = feast_store.open_store(config)
    if not feast.list_feature_views():
        parser.error("there are no feature views yet: apply comes first")
    counts = _push_all(feast, sys.stdin)
    print(json.dumps(counts))  # noqa: T201  # the answer
    sys.exit(1 if counts["no_signal"] else 0)


def _push_all(feast: Any, lines: Iterable[str]) -> Counter[str]:
    from oo_features.feast_adapter.online import push_signal  # noqa: PLC0415  # the extra

    counts: Counter[str] = Counter({"signals": 0, "written": 0, "not_newer": 0, "no_signal": 0})
    for line in lines:
        try:
            pushed = push_signal(feast, Signal.model_validate_json(line))
        except ValueError as error:
            counts["no_signal"] += 1
            print(f"oo_features: {error}", file=sys.stderr)  # noqa: T201  # a refusal
        else:
            counts.update(signals=1, written=len(pushed.written), not_newer=len(pushed.not_newer))
    return counts


if __name__ == "__main__":
    main()
