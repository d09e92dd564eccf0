"""The options of `python -m oo_pipelines backfill`, apart from the work so that other commands need not load ibis."""

from __future__ import annotations

import argparse
from typing import Any

from oo_features.profile_schema import PROFILE_FEATURES

__all__ = ["BadBackfillInput", "add"]

ABOUT = """\
Compute one profile feature at each decision of a spine, as it was known then: of what happened by then, only what had
been written by then. This is for a new feature; one that was served is in the decision's own row, which trains.

--spine   decisions: request_id, user_id, decided_at; of those in the offline log each request's first made counts
--source  with a column NAME, all values that the feature ever had: user_id, event_id, event_timestamp (when it was
          computed), created_timestamp (when it was written), NAME. The newest that was known is taken.
          Without one, facts that the feature is computed from:
          signals    user_id, event_id, type, occurred_at, created_timestamp, task_id (or data, JSON that has it)
          reactions  user_id, event_id, reaction, occurred_at, created_timestamp, request_id
          A fact that is written again under its event_id corrects the one before, from then on.
          A simulated past was written all at once, after its decisions: --created-time occurred_at takes it as known.
--out     request_id, user_id, decided_at, NAME (float32, the fallback where reason is not null), reason
          (missing, stale, null, invalid, out_of_range), computed_at

Tables are Parquet (a file, a folder, a pattern) or Delta (its folder, or a URL as delta+s3://bucket/signals).
"""
EXAMPLES = """\
examples:
  python -m oo_pipelines backfill --feature tip_volume_7d --spine .oo-ml/lake/decisions \\
      --source .oo-ml/lake/reactions --created-time occurred_at --out tip_volume.parquet
  python -m oo_pipelines backfill --feature active_days_14d --spine decisions.parquet --source signals.parquet \\
      --out active_days.parquet
  python -m oo_pipelines backfill --feature tip_volume_7d --engine spark --master k8s://https://10.0.0.1 \\
      --spine delta+s3a://lake/decisions --source delta+s3a://lake/reactions --out s3a://lake/backfills/tip_volume_7d
"""


class BadBackfillInput(Exception):
    """An impossible request: a table lacks a column, a decision is there twice, or Spark is not; the message says
    which."""


def add(commands: Any) -> None:
    """Add the command `backfill` to the subparsers `commands`."""
    command: argparse.ArgumentParser = commands.add_parser(
        "backfill",
        help="Compute a new feature at past decisions, as it was known then.",
        description=ABOUT,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    names = [item.name for item in PROFILE_FEATURES]
    command.add_argument(
        "--feature", required=True, choices=names, metavar="NAME", help=f"Feature to compute: {', '.join(names)}."
    )
    command.add_argument("--spine", required=True, metavar="TABLE", help="Table of the decisions.")
    command.add_argument("--source", required=True, metavar="TABLE", help="Table of the feature's values, or of facts.")
    command.add_argument(
        "--out", required=True, metavar="PATH", help="New file to write; with Spark, a new folder of parts."
    )
    command.add_argument(
        "--engine", choices=("duckdb", "spark"), default="duckdb", help="Engine that computes (default %(default)s)."
    )
    command.add_argument(
        "--master", metavar="URL", help="Spark's master, as local[2] (default: what its own settings say)."
    )
    command.add_argument(
        "--event-time",
        metavar="COLUMN",
        help="Column of when it happened (default event_timestamp; for facts occurred_at).",
    )
    command.add_argument(
        "--created-time",
        metavar="COLUMN",
        default="created_timestamp",
        help="Column of when it was written (default %(default)s).",
    )
