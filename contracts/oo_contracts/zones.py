"""This module resolves time zones as people's systems name them to the one IANA name that every reader has."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache, lru_cache
from importlib.resources import files
from types import MappingProxyType
from zoneinfo import ZoneInfo

from tzlocal.windows_tz import win_tz

__all__ = ["UnknownZone", "iana_zone"]

CACHE_SIZE = 1_024  # names; about 900 are valid
OFFSET = re.compile(r"(?:GMT|UTC)?\s*([+\-\u2212])\s*(\d{1,2})(?::?([0-5]\d))?", re.IGNORECASE)
# What these mean depends on the machine that is asked.
EXCLUDED_ZONES = frozenset({"Factory", "localtime", "posixrules"})

# The database has a zone for each whole hour (`Etc/GMT-3` is three hours *ahead* of UTC). Of the other offsets these
# are in use the whole year round, each in the place named.
FRACTIONAL_OFFSETS: Mapping[int, str] = MappingProxyType(
    {
        -570: "Pacific/Marquesas",
        210: "Asia/Tehran",
        270: "Asia/Kabul",
        330: "Asia/Kolkata",
        345: "Asia/Kathmandu",
        390: "Asia/Yangon",
        525: "Australia/Eucla",
        570: "Australia/Darwin",
    }
)


class UnknownZone(ValueError):
    """No table has a time zone of this name."""


@lru_cache(CACHE_SIZE)
def iana_zone(name: str) -> str:
    """Return the IANA name of a zone: of itself in any case, of a Windows zone, or of an offset.

    >>> iana_zone("Europe/Berlin"), iana_zone("W. Europe Standard Time"), iana_zone("GMT +3:00")
    ('Europe/Berlin', 'Europe/Berlin', 'Etc/GMT-3')

    Offsets are written like `GMT +3:00` or `UTC-05:00`. They have no summer time, so whoever can should send a place.

    Raises:
        UnknownZone: it is none, or one that means something else on each machine (`localtime`, `right/…`).
    """
    stripped = name.strip()
    zone = _names().get(stripped.casefold().replace(" ", "_")) or _windows().get(stripped.casefold())
    zone = zone or _offset_zone(stripped)
    if zone is None:
        raise UnknownZone(name)
    return _loadable(zone)


def _loadable(name: str) -> str:
    """Return the name if this machine has the zone: the operating system's database, read first, may be older."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise UnknownZone(name) from error
    return name


def _offset_zone(text: str) -> str | None:
    match = OFFSET.fullmatch(text)
    if match is None:
        return None
    sign, hours, minutes = match.groups("0")
    ahead = (int(hours) * 60 + int(minutes)) * (1 if sign == "+" else -1)
    if ahead % 60:
        return FRACTIONAL_OFFSETS.get(ahead)
    return _names().get(f"etc/gmt{-ahead // 60:+d}" if ahead else "utc")


@cache
def _names() -> dict[str, str]:
    """Return every zone of the tzdata package, which is the same on all machines, by its name in lower case."""
    listed = (files("tzdata") / "zones").read_text().split()
    return {name.casefold(): name for name in listed if name not in EXCLUDED_ZONES}


@cache
def _windows() -> dict[str, str]:
    return {name.casefold(): zone for name, zone in win_tz.items()}
