"""Time zones as people's systems name them: one IANA name, the same on every machine, or a refusal."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from oo_contracts.score import ScoreRequest
from oo_contracts.zones import FRACTIONAL_OFFSETS, UnknownZone, iana_zone
from oo_features.feature_context import FeatureContext
from pydantic import ValidationError
from tzlocal.windows_tz import win_tz

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)


def ahead(zone):
    """Hours that the zone is ahead of UTC in a summer of the north."""
    return NOON.astimezone(ZoneInfo(zone)).utcoffset() / timedelta(hours=1)


@pytest.mark.parametrize(
    "name", ["Europe/Berlin", "UTC", "GMT", "Etc/GMT+3", "EST", "Asia/Kolkata", "America/Argentina/Ushuaia"]
)
def test_an_iana_name_is_itself(name):
    assert iana_zone(name) == name


@pytest.mark.parametrize(
    ("name", "zone"),
    [
        ("europe/berlin", "Europe/Berlin"),
        ("America/New York", "America/New_York"),
        (" Europe/Paris ", "Europe/Paris"),
        ("W. Europe Standard Time", "Europe/Berlin"),
        ("pacific standard time", "America/Los_Angeles"),
        ("GMT +3:00", "Etc/GMT-3"),
        ("UTC+03:00", "Etc/GMT-3"),
        ("UTC-05:00", "Etc/GMT+5"),
        ("GMT-11", "Etc/GMT+11"),
        ("+0530", "Asia/Kolkata"),
        ("UTC +5:45", "Asia/Kathmandu"),
        ("GMT\u22129:30", "Pacific/Marquesas"),
        ("GMT +0:00", "UTC"),
        ("UTC+14", "Etc/GMT-14"),
    ],
)
def test_other_names_are_resolved(name, zone):
    assert iana_zone(name) == zone


@pytest.mark.parametrize("hours", range(-12, 15))
@pytest.mark.parametrize("form", ["GMT {:+d}:00", "UTC{:+03d}:00", "{:+03d}:00", "utc{:+d}"])
def test_every_whole_hour_is_that_many_hours_ahead(form, hours):
    assert ahead(iana_zone(form.format(hours))) == hours


@pytest.mark.parametrize("minutes", FRACTIONAL_OFFSETS)
def test_a_part_of_an_hour_is_a_place_without_summer_time(minutes):
    zone = ZoneInfo(FRACTIONAL_OFFSETS[minutes])
    days = [datetime(2026, month, 1, tzinfo=zone).utcoffset() for month in range(1, 13)]

    assert set(days) == {timedelta(minutes=minutes)}


@pytest.mark.parametrize("name", win_tz)
def test_every_windows_zone_is_known(name):
    assert ZoneInfo(iana_zone(name)).key == iana_zone(name)


REFUSED = [
    "localtime", "Factory", "posixrules", "right/Europe/Berlin", "posix/Europe/Berlin", "right/UTC", "Europe/Atlantis",
    "../../etc/passwd", "/etc/localtime", "UTC+15", "GMT -13:00", "UTC+3:60", "UTC+03:10", "GMT -3:30", "+",
    "leapseconds", "tzdata.zi", "zone.tab", "a\u0000b", "(UTC+01:00) Amsterdam, Berlin",
]  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_means_something_else_on_another_machine_or_nothing_is_refused(name):
    with pytest.raises(UnknownZone):
        iana_zone(name)
    with pytest.raises(ValidationError) as refused:
        ScoreRequest.model_validate_json(json.dumps({"user_id": "u", "timezone": name}))

    assert [(item["loc"], item["type"]) for item in refused.value.errors()] == [(("timezone",), "unknown_zone")]
    assert "UTC+03:00" in refused.value.errors()[0]["msg"]


@pytest.mark.parametrize("name", ["GMT +3:00", "W. Europe Standard Time", "europe/berlin", None])
def test_the_moment_that_is_logged_is_the_moment_that_is_replayed(name):
    asked = ScoreRequest.model_validate_json(json.dumps({"user_id": "u", "timezone": name}))
    context = FeatureContext.at(NOON, asked.timezone)

    again = FeatureContext.from_facts(context.facts())

    assert (again.now.isoformat(), again.zone.key) == (context.now.isoformat(), iana_zone(name or "UTC"))
