"""What is written down of a feature: its declaration, and a digest of its code alone."""

from __future__ import annotations

import dataclasses

from oo_features.feature import feature
from oo_features.feature_record import record_of
from oo_features.feature_sets import RANKER_V1


@feature(group="context", source="clock", freshness="0", fallback=3, low=0)
def hour(moment):
    """One."""
    return moment.now.hour


HOUR = hour


@feature(group="context", source="calendar", freshness="1 h", fallback=4)
def hour(moment):  # the same function, declared otherwise
    """Another."""
    return moment.now.hour  # with a comment


AGAIN = hour


@feature(group="context", source="clock", freshness="0", fallback=3, low=0)
def hour(moment):
    """One."""
    return moment.now.hour + 1


OTHER = hour


def test_the_code_is_the_functions_and_not_its_declaration():
    one, again, other = map(record_of, (HOUR, AGAIN, OTHER))

    assert one["code"] == again["code"] != other["code"]
    assert (one["source"], one["fallback"], again["source"], again["fallback"]) == ("clock", 3, "calendar", 4)
    assert {key: value for key, value in one.items() if key != "code"} == {
        key: value for key, value in other.items() if key != "code"
    }


def test_every_feature_can_be_written_down():
    found = {item.full_name: record_of(item) for item in RANKER_V1.features}

    assert found["profile.completion_rate_30d"]["ttl"] == "24 h"
    assert found["context.hour_of_day"]["ttl"] == "none"
    computed = [item for item in RANKER_V1.features if item.group != "profile"]
    assert len({found[item.full_name]["code"] for item in computed}) == len(computed)
    assert record_of(dataclasses.replace(RANKER_V1.features[0], high=7))["bounds"] == "0 to 7"
