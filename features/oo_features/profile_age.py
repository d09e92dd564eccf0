"""This module decides which instants of a call's profile values can be trusted."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from oo_contracts.user_call import CallFallback, ProfileInstants, Reason

__all__ = ["MAX_CLOCK_SKEW", "is_ahead", "trusted_instants"]

MAX_CLOCK_SKEW = timedelta(minutes=5)  # by which a recommender's clock may be ahead of ours
TrustedInstants = datetime | dict[str, datetime] | None


def is_ahead(instant: datetime, now: datetime) -> bool:
    """Whether an instant lies so far after `now` that no difference between clocks explains it."""
    return instant - now > MAX_CLOCK_SKEW


def trusted_instants(
    computed_at: ProfileInstants, shipped: Collection[str], now: datetime
) -> tuple[TrustedInstants, tuple[CallFallback, ...]]:
    """Return the instants that features' ages can be computed from, and a fallback for each other feature.

    A feature without a trusted instant is used, and its age is unknown, as if the call had not named one. An instant in
    the future must not be trusted: the value would count as fresh until years after, and never be stale.
    """
    if computed_at is None:
        return None, ()
    if isinstance(computed_at, dict):
        stamps = {name: computed_at[name] for name in shipped if name in computed_at}
    else:
        stamps = dict.fromkeys(shipped, computed_at if isinstance(computed_at, datetime) else None)
    reasons: dict[str, Reason] = {}
    trusted: dict[str, datetime] = {}
    for name, stamp in stamps.items():
        if stamp is None:
            reasons[name] = "age_unknown"
        elif is_ahead(stamp, now):
            reasons[name] = "age_invalid"
        else:
            trusted[name] = stamp
    fallbacks = tuple(CallFallback(feature=f"profile.{name}", reason=reason) for name, reason in reasons.items())
    if isinstance(computed_at, datetime):
        return (None if is_ahead(computed_at, now) else computed_at), fallbacks
    return trusted, fallbacks
