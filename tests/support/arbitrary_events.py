"""Arbitrary events: sound ones, odd ones that are valid, and such as no producer should send; reproducible by seed."""

from __future__ import annotations

import json
import random
from copy import deepcopy
from datetime import UTC, datetime, timedelta

from oo_features.feature_sets import RANKER_V1

__all__ = ["arbitrary"]

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
INSTANTS = (
    *(NOW + timedelta(minutes=minutes) for minutes in (0, 1, 59)),
    datetime(2000, 1, 1, tzinfo=UTC),
    datetime(2099, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
)
BEYOND = (
    "0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59.999999-14:00",
    "1999-12-31T23:59:59Z", "2100-01-01T00:00:00Z", "2026-11-20T12:00:00", "2026-02-30T00:00:00Z", "", "never", 1e300,
    -1, None, [], {},
)  # fmt: skip
NUMBERS = (0.0, -0.0, 1.0, -1.0, 5e-324, 1e-18, 1e308, -1e308, 3.4e38, 2**63, -(2**63), 10**30, 0.1 + 0.2)
ODD_IDS = (
    "x" * 128,
    "ä任务👨‍👩‍👧",
    "a b",
    "'; drop table signals; --",
    "%00",
    "..",
    "a.b.*.>",
    "\\",
    '"',
    "﷽",
    "I\u0307",
)
BAD_IDS = ("", "x" * 129, "a\x00b", "a\r\nb", "\u2028", "\ud800", 5, None, True, [], {"a": 1}, 1e400)
WRONG = (None, True, -1, 1e308, 10**400, "", "\x00", "\ud800", "x" * 10_000, [], {}, [[]], [None], {"": None}, "NaN")
REACTIONS = ("shown", "clicked", "completed", "snoozed", "dismissed")
RAW = (
    b"", b"null", b"[]", b"{}", b"{", b'"text"', b"0", b"\xff\xfe", b"\x00" * 64, b'{"event_id": NaN}', b"1e400",
    b'{"a":' * 300 + b"1" + b"}" * 300, b"[" * 5_000, b'{"event_id": "\\ud800"}', b"\xef\xbb\xbf{}", b'{"a": 1}' * 50,
)  # fmt: skip


def arbitrary(durable, number, seed):
    """A subject and the bytes of an event, and whether it is meant to be sound."""
    draw = random.Random(f"{seed}-{durable}-{number}")
    subject, event = {"signals": _signal, "feedback": _feedback, "decisions": _decided, "predictions": _predicted}[
        durable
    ](draw, number)
    how = draw.random()
    if how < 0.5:
        return subject, _bytes(event), True
    if how < 0.62:
        return subject, draw.choice(RAW), False
    if how < 0.7:
        data = _bytes(event)
        return subject, data[: draw.randrange(len(data))], False
    if durable == "decisions" and how < 0.72:
        return draw.choice(("decisions.other", "decisions.score.more", "decisions.generate.v1")), _bytes(event), False
    for _ in range(draw.choice((1, 1, 1, 2, 5))):
        _spoil(event, draw)
    return subject, _bytes(event), False


def _bytes(event):
    """As JSON, with surrogates as they are escaped, and numbers that no float can hold."""
    return json.dumps(event).encode()


def _id(draw, prefix, many):
    return draw.choice(ODD_IDS) if draw.random() < 0.05 else f"{prefix}-{draw.randrange(many)}"


def _seldom(draw, odd, usual):
    return draw.choice(odd) if draw.random() < 0.03 else usual


def _at(draw):
    at = INSTANTS[0] if draw.random() < 0.6 else draw.choice(INSTANTS)
    return at.isoformat()


def _signal(draw, number):
    kind = draw.choice(("app_opened", "task_completed", "x"))
    data = {f"k{place}": _value(draw, 3) for place in range(draw.randrange(4))}
    known = {"user_id": _id(draw, "u", 50), "type": kind, "occurred_at": _at(draw), "data": data}
    return f"signals.{kind}", {"event_id": f"s-{number}"} | known


def _feedback(draw, number):
    reaction = draw.choice(REACTIONS)
    return f"feedback.{reaction}", {
        "event_id": f"f-{number}",
        "request_id": _id(draw, "r", 400),
        "candidate_id": draw.choice(("c-0", "c-1", "c-9")),
        "user_id": _id(draw, "u", 50),
        "reaction": reaction,
        "occurred_at": _at(draw),
    }


def _decided(draw, number):
    return _tip(draw, number) if draw.random() < 0.3 else _score(draw, number)


def _score(draw, number):
    count, at = draw.randrange(1, 4), _at(draw)
    chances = draw.choice(([1 / count] * count, [1.0] + [0.0] * (count - 1)))
    width = len(RANKER_V1.features) if draw.random() < 0.9 else draw.randrange(30)
    row = [draw.choice((0.0, 1.0, 0.5, 12.0)) for _ in range(width)]
    candidates = [
        {"id": f"c-{place}", "kind": draw.choice(("task", "tip", "none", "?")), "row": [*row], "value": draw.random(),
         "propensity": chances[place], "eligible": True}
        for place in range(count)
    ]  # fmt: skip
    profile = draw.choice((None, {}, {"completion_rate_30d": _value(draw, 1)}, {"x": "NaN"}))
    zone = draw.choice(("UTC", "Europe/Berlin", "No/Such", "", "../etc"))
    return "decisions.score", {
        "event_id": f"d-{number}",
        "request_id": _id(draw, "r", 400),
        "user_id": _id(draw, "u", 50),
        "decided_at": at,
        "moment": {"now": at, "timezone": zone, "tasks": [], "profile": profile},
        "feature_set": RANKER_V1.ref if draw.random() < 0.9 else draw.choice(("other@0", "", "x" * 300)),
        "candidates": candidates,
        "chosen_id": "c-0",
        "propensity": chances[0],
        "baseline_id": draw.choice((None, "c-0", "c-9")),
        "model": {"name": "tip-ranker", "version": draw.choice(("1", "2", "v" * 64))},
        "policy": {"name": draw.choice(("greedy", "?")), "version": "1"},
        "experiment": draw.choice((None, {"key": "tone", "variant": "only"}, {"key": "?", "variant": ""})),
        "beliefs": draw.choice((None, None, {"arms": 5}, {"": [1]})),
        "assignment": draw.choice((None, _assignment(draw))),
        "shadows": draw.choice(([], [{"policy": {"name": "uniform", "version": "1"}, "propensities": [*chances]}])),
        "seals": draw.choice((None, None, {"now": 10**30})),
    }


def _assignment(draw):
    weight = _seldom(draw, (1e308, -1), draw.choice((0, 1, 0.5, 1e9)))
    mode = draw.choice(("active", "shadow", "apprentice", "holdout"))
    return {"mode": mode, "unit": "user", "coverage": draw.choice((0, 1)), "weights": {"only": weight, "": 1}}


def _tip(draw, number):
    draws = {
        "versions": ["v1", "v2"], "propensities": [0.5, 0.5], "propensity": 0.5, "default": "v1",
        "policy": {"name": "thompson", "version": "1"}, "experiment": {"key": "words", "variant": "only"},
    }  # fmt: skip
    return "decisions.generate", {
        "event_id": f"g-{number}",
        "request_id": _id(draw, "r", 400),
        "user_id": _id(draw, "u", 50),
        "decided_at": _at(draw),
        "candidate_id": draw.choice((None, "c-0")),
        "prompt_version": draw.choice(("v1", "v2")),
        "prompt_digest": "d",
        "model": draw.choice(("m", "")),
        "fallback": draw.choice((None, "timeout")),
        "usage": {"prompt_tokens": _seldom(draw, (10**30, -1), 1), "completion_tokens": 2},
        "latency_ms": _seldom(draw, NUMBERS, 1.5),
        "draw": draw.choice((None, draws)),
    }


def _predicted(draw, number):
    return "predictions.tip-ranker", {
        "event_id": f"p-{number}",
        "request_id": _id(draw, "r", 400),
        "role": draw.choice(("live", "shadow")),
        "model": {"name": "tip-ranker", "version": draw.choice(("1", "2"))},
        "feature_set": RANKER_V1.ref,
        "values": [draw.choice(NUMBERS) for _ in range(draw.randrange(4))],
        "latency_ms": _seldom(draw, NUMBERS, 1.5),
        "occurred_at": _at(draw),
    }


def _value(draw, depth):
    """Any JSON."""
    if depth == 0 or draw.random() < 0.6:
        return draw.choice((*NUMBERS, None, True, "", "text", "\x00", "😀", "x" * 300))
    inner = [_value(draw, depth - 1) for _ in range(draw.randrange(3))]
    return inner if draw.random() < 0.5 else {str(place): item for place, item in enumerate(inner)}


def _spoil(event, draw):
    """One field, anywhere in it, becomes something else, another, or goes."""
    holder, name = _somewhere(event, draw)
    if name is None:
        return
    how = draw.random()
    if how < 0.2:
        del holder[name]
    elif (isinstance(name, str) and name.endswith("_at")) or name == "now":
        holder[name] = deepcopy(draw.choice(BEYOND))
    elif isinstance(name, str) and (name.endswith("id") or name == "prompt_version"):
        holder[name] = deepcopy(draw.choice(BAD_IDS))
    elif how < 0.4 and isinstance(holder[name], (int, float)):
        holder[name] = deepcopy(draw.choice(NUMBERS))
    else:
        holder[name] = deepcopy(draw.choice(WRONG))


def _somewhere(event, draw):
    holder, name = event, None
    while isinstance(holder, (dict, list)) and holder:
        name = draw.choice(list(holder)) if isinstance(holder, dict) else draw.randrange(len(holder))
        if not isinstance(holder[name], (dict, list)) or not holder[name] or draw.random() < 0.4:
            return holder, name
        holder = holder[name]
    return holder, None
