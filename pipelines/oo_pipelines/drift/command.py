"""Drift of a store's decisions: read, compared, and written as a page when that is asked for."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from oo_consumers.store import Store
from oo_features.sets import RANKER_V1

from oo_pipelines.drift import options
from oo_pipelines.drift.options import BadInput
from oo_pipelines.drift.report import drift_page
from oo_pipelines.drift.window import BadSpan, Progress, Span, run

__all__ = ["drift"]


def drift(given: argparse.Namespace, store_url: str, progress: Progress) -> dict[str, object]:
    """The report as plain values; `sound` is false when something drifted.

    Raises:
        BadInput: what is wrong, with the option named.
        StoreError: the database.
        OSError: the page cannot be written.
    """
    try:
        until = options.instant("--until", given.until) if given.until else datetime.now(UTC)
        window = Span(options.since(given.since, until), until)
        reference = Span(*options.between(given.reference)) if given.reference else None
        store = Store.open(store_url)
        try:
            found = run(store, RANKER_V1, window, reference, progress, alpha=given.alpha, seed=given.seed)
        finally:
            store.close()
    except (BadSpan, OverflowError) as error:
        raise BadInput(f"--since, --until, --reference: {error}") from None
    if given.html:
        Path(given.html).write_text(drift_page(found))
    spans = {"window": str(window), "reference": [str(item) for item in found.reference], "html": given.html}
    return {"sound": found.drift.verdict != "drift"} | spans | asdict(found.drift)
