"""The drift command: a store's decisions read, compared, and written as a page when that is asked for."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from oo_consumers.effect_store import Store
from oo_features.feature_sets import RANKER_V1

from oo_pipelines.drift import drift_options
from oo_pipelines.drift.drift_options import BadDriftInput
from oo_pipelines.drift.drift_page import drift_page
from oo_pipelines.drift.window import BadSpan, DriftResult, Span, compare_windows
from oo_pipelines.progress_bar import show_progress
from oo_pipelines.settings import PipelineSettings

__all__ = ["run"]


def run(args: argparse.Namespace, settings: PipelineSettings) -> dict[str, object]:
    """Return the report as plain values; `sound` is false when something drifted.

    Raises:
        BadDriftInput: an option is wrong; the message names it.
        StoreError: the database refused or cannot be reached.
        OSError: the page cannot be written.
    """
    try:
        now = datetime.now(UTC)
        until = drift_options.instant("--until", args.until, now) if args.until else now
        window = Span(drift_options.since(args.since, until), until)
        reference = Span(*drift_options.between(args.reference, now)) if args.reference else None
        result = _compare(args, settings, window, reference)
    except (BadSpan, OverflowError) as error:
        raise BadDriftInput(f"--since, --until, --reference: {error}") from None
    if args.html:
        Path(args.html).write_text(drift_page(result))
    spans = {"window": str(window), "reference": [str(item) for item in result.reference], "html": args.html}
    return {"sound": result.drift.verdict != "drift"} | spans | asdict(result.drift)


def _compare(args: argparse.Namespace, settings: PipelineSettings, window: Span, reference: Span | None) -> DriftResult:
    store = Store.open(settings.store_url)
    try:
        return compare_windows(store, RANKER_V1, window, reference, show_progress, alpha=args.alpha, seed=args.seed)
    finally:
        store.close()
