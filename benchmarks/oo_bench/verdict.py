"""The verdict on some tries against committed ratios: one has worsened when two tries say so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

__all__ = ["KEPT", "is_decided", "worsened", "worsening"]

# What is compared, and whether more of it is better. None of them has a unit of time.
KEPT = {
    "score_p50_vs_stock_10": False,
    "score_p50_vs_stock_50": False,
    "score_rps16_vs_stock_10": True,
    "score_rps16_vs_stock_50": True,
    "score_p50_vs_floor": False,
    "event_bytes_per_candidate": False,
}
TOLERANCE = 1.3
NEEDED = 2  # tries that say so
Ratios = Mapping[str, float]


def worsening(name: str, committed: float, found: float) -> float:
    """Return the factor by which a ratio is worse than the committed one; below 1 it is better."""
    return committed / found if KEPT[name] else found / committed


def worsened(baseline: Ratios, tries: Sequence[Ratios]) -> list[str]:
    """Return the ratios that were worse by more than TOLERANCE in at least NEEDED tries."""
    return [name for name, count in _counts(baseline, tries).items() if count >= NEEDED]


def is_decided(baseline: Ratios, tries: Sequence[Ratios]) -> bool:
    """Return whether a third try can change nothing: after two, none or all of what is worse was so in both."""
    return bool(baseline) and len(tries) == NEEDED and set(_counts(baseline, tries).values()) <= {0, NEEDED}


def _counts(baseline: Ratios, tries: Sequence[Ratios]) -> dict[str, int]:
    return {
        name: sum(worsening(name, committed, one[name]) > TOLERANCE for one in tries)
        for name, committed in baseline.items()
    }
