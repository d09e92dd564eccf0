"""Constant arrivals against the ingress: `make load`.

Calls start at fixed times, whether or not earlier ones have been answered, and each latency is measured from the time
at which its call was meant to start. A closed loop would stop sending while the server stalls and never see the stall
(coordinated omission). Percentiles come with the 95 % interval of their order statistics, because a p99 of a thousand
calls is mostly noise.

What was due and has no answer when the run and the grace after it (`stop-timeout`) are over counts too, with its age as
its latency: a server that hangs makes the figures worse from that second on, and not the run shorter.

A call that failed, was never answered or got a degraded answer is missed. Refusals and degraded answers may be quick,
so percentiles leave them out; `--max-errors` and `--max-degraded` judge how many there were.

Thresholds decide the exit code:

    make load ARGS="--rate 200 --run-time 60s --max-p99 50 --max-errors 0 --max-degraded 0.01"
"""

from __future__ import annotations

import itertools
import json
import math
import random
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist
from typing import Any
from urllib.parse import urlsplit

import gevent
from geventhttpclient import HTTPClient
from locust import User, events, task

ANSWER_DELAY_S = 1.0  # after the end of the run; who answers later has not kept the rate
ROUTES = ("/generate", "/score")
ZONES = ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "UTC")
TITLES = ("Write the report", "Call the dentist", "Water the plants", "Plan the week", "Pay the rent", "Read one paper")


@events.init_command_line_parser.add_listener
def add_flags(parser: ArgumentParser) -> None:
    """What `locust --help` shows of ours."""
    ours = parser.add_argument_group("oO/ml", "constant arrivals and thresholds")
    ours.add_argument("--rate", type=float, default=50, help="calls per second (default 50)")
    ours.add_argument("--candidates", type=int, default=10, help="tasks in each call (default 10)")
    ours.add_argument("--generate-share", type=float, default=0.002, help="part of the calls that are /generate")
    ours.add_argument("--warmup", type=float, default=3, help="seconds at the start that do not count")
    ours.add_argument("--seed", type=int, default=1, help="users, tasks and profiles are drawn from it")
    ours.add_argument("--max-p99", type=float, default=None, help="ms; exit code 1 when /score's p99 is above")
    ours.add_argument("--max-p50", type=float, default=None, help="ms; exit code 1 when /score's p50 is above")
    ours.add_argument(
        "--max-errors", type=float, default=0.0, help="part of calls that may fail or stay unanswered (default 0)"
    )
    ours.add_argument(
        "--max-degraded",
        type=float,
        default=0.0,
        help="part of calls that may get a degraded answer; they count as missed whatever this says (default 0)",
    )
    ours.add_argument(
        "--min-rate", type=float, default=0.95, help="part of the calls that must be answered in time (default 0.95)"
    )
    ours.add_argument("--figures", type=Path, default=None, help="write the figures to this file")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a call: `answered_at` by the clock of the plan, None without any answer."""

    latency_ms: float
    answered_at: float | None = None
    error: str | None = None
    degraded: str | None = None

    @property
    def is_missed(self) -> bool:
        return self.answered_at is None or self.fault is not None

    @property
    def fault(self) -> str | None:
        """What was wrong with the answer."""
        return self.error or (f"degraded: {self.degraded}" if self.degraded else None)


class Plan:
    """When each call is meant to start, and what became of it."""

    def __init__(self, options: Namespace) -> None:
        self.options = options
        self.start = time.perf_counter()
        self.end: float | None = None
        self.slots: Iterator[int] = itertools.count()
        self.outcomes: dict[int, Outcome] = {}

    def intended(self, slot: int) -> float:
        return self.start + slot / self.options.rate

    def route(self, slot: int) -> str:
        draw = random.Random(f"route-{self.options.seed}-{slot}")  # a reproducible load, no secret
        return "/generate" if draw.random() < self.options.generate_share else "/score"

    def is_over(self, slot: int) -> bool:
        """Whether the run has ended before the call was due."""
        return self.end is not None and self.intended(slot) >= self.end

    def due(self) -> Iterator[int]:
        """Every call of the run that was to start after the warm-up, whether or not anybody came to send it."""
        end = self.end or time.perf_counter()
        first = math.ceil(self.options.warmup * self.options.rate)
        return itertools.takewhile(lambda slot: self.intended(slot) < end, itertools.count(first))

    def outcome(self, slot: int, now: float) -> Outcome:
        """The call's; that of one without an answer is its age."""
        return self.outcomes.get(slot) or Outcome((now - self.intended(slot)) * 1000)


@events.test_start.add_listener
def begin(environment: Any, **_: Any) -> None:
    environment.plan = Plan(environment.parsed_options)


@events.test_stopping.add_listener
def end(environment: Any, **_: Any) -> None:
    environment.plan.end = time.perf_counter()


class Recommender(User):
    """One connection of the recommender. All of them take the next slot of one common plan."""

    def on_start(self) -> None:
        host = urlsplit(self.host or "http://127.0.0.1:8080")
        self.http = HTTPClient(host.hostname, host.port or 80, connection_timeout=5, network_timeout=30)

    @task
    def next_call(self) -> None:
        """One call; when the run has ended, also all that were due before and that nobody was free to send."""
        plan: Plan = self.environment.plan
        while not plan.is_over(slot := next(plan.slots)):
            self.call(plan, slot)
            if plan.end is None:
                return

    def call(self, plan: Plan, slot: int) -> None:
        intended = plan.intended(slot)
        gevent.sleep(max(0.0, intended - time.perf_counter()))
        if plan.is_over(slot):
            return
        route = plan.route(slot)
        draw = random.Random(f"{plan.options.seed}-{slot}")  # as above
        size, outcome = self.post(route, json.dumps(body(draw, plan.options.candidates)).encode(), intended)
        plan.outcomes[slot] = outcome
        self.environment.events.request.fire(
            request_type="POST",
            name=route,
            response_time=outcome.latency_ms,
            response_length=size,
            exception=RuntimeError(outcome.fault) if outcome.fault else None,
            context={},
        )

    def post(self, route: str, data: bytes, intended: float) -> tuple[int, Outcome]:
        """The reply's size, and what was wrong with it."""
        try:
            reply = self.http.post(route, data, headers={"content-type": "application/json"})
            text = reply.read()
        except OSError as error:
            return 0, Outcome(since(intended), error=f"{type(error).__name__}: {error}")
        latency, now, size = since(intended), time.perf_counter(), int(reply.content_length or 0)
        if reply.status_code != 200:
            return size, Outcome(latency, now, f"status {reply.status_code}")
        try:
            return size, Outcome(latency, now, degraded=json.loads(text).get("degraded"))
        except (ValueError, AttributeError) as error:
            return size, Outcome(latency, now, f"not a JSON object: {error}")


def since(intended: float) -> float:
    """Milliseconds."""
    return (time.perf_counter() - intended) * 1000


def body(draw: random.Random, candidates: int) -> dict[str, Any]:
    """One user's call with Todoist's own task objects."""
    return {
        "user_id": f"u-{draw.randrange(500)}",
        "timezone": draw.choice(ZONES),
        "tasks": [todoist_task(draw, place) for place in range(candidates)],
        "profile_features": {"completion_rate_30d": draw.random(), "preferred_hour": draw.randrange(24)},
    }


def todoist_task(draw: random.Random, place: int) -> dict[str, Any]:
    return {
        "id": f"t-{place}",
        "content": draw.choice(TITLES),
        "priority": draw.randint(1, 4),
        "labels": ["home"] if draw.random() < 0.3 else [],
        "due": {"date": f"2026-11-{draw.randint(1, 30):02d}", "is_recurring": draw.random() < 0.2},
        "added_at": f"2026-10-{draw.randint(1, 31):02d}T09:00:00.000000Z",
        "checked": False,
        "child_order": place,
    }


def percentile(ordered: list[float], share: float) -> tuple[float, float, float] | None:
    """A percentile with the 95 % interval of its order statistics; None when there are too few for one.

    The ranks are those of a binomial(n, share), by its normal approximation with continuity correction.
    """
    n = len(ordered)
    spread = NormalDist().inv_cdf(0.975) * math.sqrt(n * share * (1 - share)) + 0.5
    low, high = math.floor(n * share - spread), math.ceil(n * share + spread)
    if low < 0 or high >= n:
        return None
    return ordered[min(n - 1, int(n * share))], ordered[low], ordered[high]


def figures(plan: Plan) -> dict[str, dict[str, Any]]:
    """For each route: calls that were due, what became of them, percentiles as [value, low, high] in ms."""
    now = time.perf_counter()
    outcomes = {slot: plan.outcome(slot, now) for slot in plan.due()}
    by_route = {route: [it for slot, it in outcomes.items() if plan.route(slot) == route] for route in ROUTES}
    return {route: summary(calls, plan.end or now) for route, calls in by_route.items() if calls}


def summary(calls: list[Outcome], end: float) -> dict[str, Any]:
    latencies = sorted(call.latency_ms for call in calls if call.answered_at is None or call.fault is None)
    return {
        "calls": len(calls),
        "in_time": sum((call.answered_at or math.inf) < end + ANSWER_DELAY_S for call in calls),
        "missed": sum(call.is_missed for call in calls),
        "failures": sum(call.error is not None for call in calls),
        "unanswered": sum(call.error is None and call.answered_at is None for call in calls),
        "degraded": sum(call.degraded is not None for call in calls),
        **{f"p{round(share * 100)}": percentile(latencies, share) for share in (0.5, 0.95, 0.99)},
    }


def verdicts(options: Namespace, found: dict[str, dict[str, Any]]) -> list[str]:
    """What is not as it was wanted; empty when all is."""
    if "/score" not in found:
        return ["no /score was due after the warm-up: there is nothing to judge"]
    return [*slow(options, found["/score"]), *failed(options, found), *few(options, found["/score"])]


def slow(options: Namespace, score: dict[str, Any]) -> Iterator[str]:
    for name, limit in (("p50", options.max_p50), ("p99", options.max_p99)):
        if limit is not None and score[name] is None:
            yield f"too few samples for a {name}: {score['calls']} calls, {score['missed']} of them missed"
        elif limit is not None and score[name][0] > limit:
            yield f"{name} {score[name][0]:.2f} ms is above {limit:g} ms"


def failed(options: Namespace, found: dict[str, dict[str, Any]]) -> Iterator[str]:
    calls, failures, unanswered, degraded = (
        sum(of[name] for of in found.values()) for name in ("calls", "failures", "unanswered", "degraded")
    )
    if failures + unanswered > options.max_errors * calls:
        yield f"{failures} of {calls} calls failed, {unanswered} were never answered"
    if degraded > options.max_degraded * calls:
        yield f"{degraded} of {calls} calls got a degraded answer"


def few(options: Namespace, score: dict[str, Any]) -> Iterator[str]:
    if score["in_time"] < score["calls"] * options.min_rate:
        yield f"only {score['in_time']} of {score['calls']} calls of /score were answered in time"


def line(route: str, found: dict[str, Any]) -> str:
    shown = "   ".join(f"{name} {text(found[name])}" for name in ("p50", "p95", "p99"))
    counts = "  ".join(f"{found[name]:>4} {name}" for name in ("failures", "unanswered", "degraded"))
    return f"  {route:<10} {found['calls']:>7} calls  {found['missed']:>4} missed ({counts.strip()})   {shown}"


def text(value: tuple[float, float, float] | None) -> str:
    return "too few" if value is None else f"{value[0]:.2f} ms [{value[1]:.2f}, {value[2]:.2f}]"


@events.quitting.add_listener
def judge(environment: Any, **_: Any) -> None:
    """Print the figures, write them where asked, and set the exit code."""
    plan: Plan | None = getattr(environment, "plan", None)
    if plan is None:
        return
    found = figures(plan)
    wrong = verdicts(plan.options, found)
    print(f"\n{plan.options.rate:g} calls per second, latency from the intended start, [95 % interval]:")
    print("\n".join(line(route, values) for route, values in found.items()))
    print("\n".join(f"  FAILED: {reason}" for reason in wrong) if wrong else "  all thresholds hold")
    if plan.options.figures:
        plan.options.figures.write_text(json.dumps({"routes": found, "failed": wrong}, indent=2))
    environment.process_exit_code = 1 if wrong else 0
