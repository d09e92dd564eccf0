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
    """Exit code 0 when it is done, 1 when a signal was none (the others are pushed), 2 for what cannot be asked."""
    parser = arguments()
    given = parser.parse_args()
    if not given.folder and not (given.registry and given.redis):
        parser.error("either --folder, or --registry and --redis")
    try:
        from oo_features.feast_adapter import store  # noqa: PLC0415  # the extra, and 4 s
    except ModuleNotFoundError as error:
        parser.error(f"{error.name} is not installed: pip install 'oo-features[feast]'")
    if given.folder:
        given.folder.mkdir(parents=True, exist_ok=True)
    config = store.embedded(given.folder) if given.folder else store.cluster(given.registry, given.redis)
    if given.command == "apply":
        views = store.apply(config, given.offline).list_feature_views()
        print(json.dumps({"views": [view.name for view in views]}))  # noqa: T201  # the answer
        return
    feast = store.opened(config)
    if not feast.list_feature_views():
        parser.error("there are no feature views yet: apply comes first")
    done = _pushed(feast, sys.stdin)
    print(json.dumps(done))  # noqa: T201  # the answer
    sys.exit(1 if done["no_signal"] else 0)


def _pushed(feast: Any, lines: Iterable[str]) -> Counter[str]:
    from oo_features.feast_adapter.online import push  # noqa: PLC0415  # the extra

    done: Counter[str] = Counter({"signals": 0, "written": 0, "not_newer": 0, "no_signal": 0})
    for line in lines:
        try:
            pushed = push(feast, Signal.model_validate_json(line))
        except ValueError as error:
            done["no_signal"] += 1
            print(f"oo_features: {error}", file=sys.stderr)  # noqa: T201  # a refusal
        else:
            done.update(signals=1, written=len(pushed.written), not_newer=len(pushed.not_newer))
    return done


if __name__ == "__main__":
    main()
