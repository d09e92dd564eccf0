"""Hour and day on the user's clock, held against another implementation of time zones: a table written by `date` of the
C library, with both edges of daylight saving, zones of half and quarter hours, leap days and the turn of the year."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from oo_contracts.score import Candidate
from oo_contracts.task_columns import CandidateColumns
from oo_features.feature_context import FeatureContext
from oo_features.feature_sets import RANKER_V1

# An instant and a zone; then the hour there, and the day counted from Monday.
NONE = CandidateColumns.from_candidates([Candidate(id="none", kind="none")])
GOLDEN = [
    ("2026-03-29T00:59:59Z", "Europe/Berlin", 1, 6),
    ("2026-03-29T01:00:00Z", "Europe/Berlin", 3, 6),
    ("2026-10-24T23:30:00Z", "Europe/Berlin", 1, 6),
    ("2026-10-25T00:30:00Z", "Europe/Berlin", 2, 6),
    ("2026-10-25T01:30:00Z", "Europe/Berlin", 2, 6),
    ("2026-03-08T06:59:59Z", "America/New_York", 1, 6),
    ("2026-03-08T07:00:00Z", "America/New_York", 3, 6),
    ("2026-11-01T05:30:00Z", "America/New_York", 1, 6),
    ("2026-11-01T06:30:00Z", "America/New_York", 1, 6),
    ("2026-04-04T14:59:00Z", "Australia/Lord_Howe", 1, 6),
    ("2026-04-04T15:00:00Z", "Australia/Lord_Howe", 1, 6),
    ("2026-10-03T15:29:00Z", "Australia/Lord_Howe", 1, 6),
    ("2026-10-03T15:30:00Z", "Australia/Lord_Howe", 2, 6),
    ("2026-06-30T18:20:00Z", "Pacific/Chatham", 7, 2),
    ("2026-06-30T18:20:00Z", "Asia/Kathmandu", 0, 2),
    ("2026-06-30T18:20:00Z", "Asia/Kolkata", 23, 1),
    ("2026-06-30T18:20:00Z", "America/St_Johns", 15, 1),
    ("2026-06-30T18:20:00Z", "Asia/Tehran", 21, 1),
    ("2026-06-30T18:20:00Z", "Pacific/Marquesas", 8, 1),
    ("2026-06-30T18:20:00Z", "Australia/Eucla", 3, 2),
    ("2026-06-30T18:20:00Z", "Asia/Yangon", 0, 2),
    ("2026-06-30T18:20:00Z", "Australia/Adelaide", 3, 2),
    ("2026-12-31T23:59:59Z", "UTC", 23, 3),
    ("2026-12-31T23:59:59Z", "Europe/London", 23, 3),
    ("2026-12-31T23:59:59Z", "Pacific/Kiritimati", 13, 4),
    ("2026-12-31T23:59:59Z", "Pacific/Pago_Pago", 12, 3),
    ("2026-12-31T23:59:59Z", "Asia/Tokyo", 8, 4),
    ("2028-02-29T12:00:00Z", "UTC", 12, 1),
    ("2028-02-29T12:00:00Z", "America/Los_Angeles", 4, 1),
    ("2028-02-29T12:00:00Z", "Pacific/Auckland", 1, 2),
    ("2028-02-28T23:30:00Z", "Europe/Paris", 0, 1),
    ("2028-02-28T23:30:00Z", "America/Sao_Paulo", 20, 0),
    ("2028-03-01T00:10:00Z", "America/Anchorage", 15, 1),
    ("2026-04-05T02:59:00Z", "America/Santiago", 23, 5),
    ("2026-04-05T03:00:00Z", "America/Santiago", 23, 5),
    ("2026-09-06T03:59:00Z", "America/Santiago", 23, 5),
    ("2026-09-06T04:00:00Z", "America/Santiago", 1, 6),
    ("2026-11-23T21:05:00Z", "Europe/Moscow", 0, 1),
    ("2026-11-23T21:05:00Z", "Africa/Cairo", 23, 0),
    ("2026-11-23T21:05:00Z", "Asia/Dubai", 1, 1),
    ("2026-11-23T21:05:00Z", "Asia/Beirut", 23, 0),
    ("2026-11-23T21:05:00Z", "Pacific/Apia", 10, 1),
]


def clock(instant, zone):
    (values,) = RANKER_V1.rows(FeatureContext.at(instant, zone), NONE).values
    row = dict(zip(RANKER_V1.names, values, strict=True))
    return row["context.hour_of_day"], row["context.day_of_week"]


@pytest.mark.parametrize(("instant", "zone", "hour", "day"), GOLDEN)
def test_the_clock_is_the_users(instant, zone, hour, day):
    assert clock(datetime.fromisoformat(instant), zone) == (hour, day)


@pytest.mark.parametrize(("instant", "zone", "hour", "day"), GOLDEN)
def test_who_writes_the_instant_in_which_zone_does_not_matter(instant, zone, hour, day):
    written = datetime.fromisoformat(instant).astimezone()

    assert clock(written, zone) == (hour, day)


@pytest.mark.parametrize("zone", sorted({zone for _, zone, _, _ in GOLDEN}))
def test_two_calls_across_the_hour_differ(zone):
    midnight = datetime.fromisoformat("2026-06-30T00:00:00Z")
    boundary = next(at for at in (midnight + timedelta(minutes=m) for m in range(61)) if minute(at, zone) == 0)

    assert clock(boundary - timedelta(microseconds=1), zone) != clock(boundary, zone)
    assert clock(boundary, zone) == clock(boundary + timedelta(minutes=59), zone)


def minute(instant, zone):
    return FeatureContext.at(instant, zone).now.minute
