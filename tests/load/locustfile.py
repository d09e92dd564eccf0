"""Constant arrivals against the ingress: `make load`.

Calls start at fixed times, whether or not earlier ones have been answered, and each latency is measured from the time
at which its call was meant to start. A closed loop would stop sending while the server stalls and never see the stall
(coordinated omission). Percentiles come with the 95 % interval of their order statistics, because a p99 of a thousand
calls is mostly noise.

Thresholds decide the exit code:

    make load ARGS="--rate 200 --run-time 60s --max-p99 50 --max-errors 0"
"""

from __future__ import annotations

import itertools
import json
import math
import random
import time
from argparse import ArgumentParser, Namespace
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from statistics import NormalDist
from typing import Any
from urllib.parse import urlsplit

import gevent
from geventhttpclient import HTTPClient
from locust import User, events, task

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
    ours.add_argument("--max-errors", type=float, default=0.0, help="part of calls that may fail (default 0)")
    ours.add_argument("--min-rate", type=float, default=0.95, help="part of the wanted rate that must be reached")
    ours.add_argument("--figures", type=Path, default=None, help="write the figures to this file")


class Plan:
    """When each call is meant to start, and what became of it."""

    def __init__(self, options: Namespace) -> None:
        self.options = options
        self.start = time.perf_counter()
        self.slots: Iterator[int] = itertools.count()
        self.latencies: dict[str, list[float]] = defaultdict(list)
        self.failures: dict[str, int] = defaultdict(int)

    def intended(self, slot: int) -> float:
        return self.start + slot / self.options.rate

    def record(self, route: str, intended: float, error: str | None) -> None:
        """Keep a latency in ms, from the intended start; the warm-up is dropped."""
        if intended - self.start < self.options.warmup:
            return
        self.latencies[route].append((time.perf_counter() - intended) * 1000)
        self.failures[route] += error is not None


@events.test_start.add_listener
def begin(environment: Any, **_: Any) -> None:
    environment.plan = Plan(environment.parsed_options)


class Recommender(User):
    """One connection of the recommender. All of them take the next slot of one common plan."""

    def on_start(self) -> None:
        host = urlsplit(self.host or "http://127.0.0.1:8080")
        self.http = HTTPClient(host.hostname, host.port or 80, connection_timeout=5, network_timeout=30)

    @task
    def next_call(self) -> None:
        plan: Plan = self.environment.plan
        slot = next(plan.slots)
        intended = plan.intended(slot)
        gevent.sleep(max(0.0, intended - time.perf_counter()))
        draw = random.Random(f"{plan.options.seed}-{slot}")  # a reproducible load, no secret
        route = "/generate" if draw.random() < plan.options.generate_share else "/score"
        size, error = self.post(route, json.dumps(body(draw, plan.options.candidates)).encode())
        plan.record(route, intended, error)
        self.environment.events.request.fire(
            request_type="POST",
            name=route,
            response_time=(time.perf_counter() - intended) * 1000,
            response_length=size,
            exception=RuntimeError(error) if error else None,
            context={},
        )

    def post(self, route: str, data: bytes) -> tuple[int, str | None]:
        """The reply's size, and what was wrong with it."""
        try:
            reply = self.http.post(route, data, headers={"content-type": "application/json"})
            answer = json.loads(reply.read())
        except (OSError, ValueError) as error:
            return 0, f"{type(error).__name__}: {error}"
        if reply.status_code != 200:
            return 0, f"status {reply.status_code}"
        return int(reply.content_length or 0), f"degraded: {answer['degraded']}" if answer.get("degraded") else None


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
    """For each route: calls, failures, percentiles as [value, low, high] in ms."""
    return {
        route: {
            "calls": len(values),
            "failures": plan.failures[route],
            **{f"p{round(share * 100)}": percentile(sorted(values), share) for share in (0.5, 0.95, 0.99)},
        }
        for route, values in sorted(plan.latencies.items())
    }


def verdicts(options: Namespace, score: dict[str, Any], seconds: float) -> list[str]:
    """What is not as it was wanted; empty when all is."""
    wrong = []
    for name, limit in (("p50", options.max_p50), ("p99", options.max_p99)):
        if limit is not None and score[name] is None:
            wrong.append(f"too few samples for a {name}: {score['calls']} calls")
        elif limit is not None and score[name][0] > limit:
            wrong.append(f"{name} {score[name][0]:.2f} ms is above {limit:g} ms")
    if score["failures"] > options.max_errors * score["calls"]:
        wrong.append(f"{score['failures']} of {score['calls']} calls failed")
    wanted = options.rate * (1 - options.generate_share) * seconds * options.min_rate
    if score["calls"] < wanted:
        wrong.append(f"only {score['calls']} calls were answered, {wanted:.0f} wanted")
    return wrong


def line(route: str, found: dict[str, Any]) -> str:
    shown = [f"{name} {text(found[name])}" for name in ("p50", "p95", "p99")]
    return f"  {route:<10} {found['calls']:>7} calls  {found['failures']:>4} failed   " + "   ".join(shown)


def text(value: tuple[float, float, float] | None) -> str:
    return "too few" if value is None else f"{value[0]:.2f} ms [{value[1]:.2f}, {value[2]:.2f}]"


@events.quitting.add_listener
def judge(environment: Any, **_: Any) -> None:
    """Print the figures, write them where asked, and set the exit code."""
    plan: Plan | None = getattr(environment, "plan", None)
    if plan is None:
        return
    start = environment.stats.total.start_time
    last = environment.stats.get("/score", "POST").last_request_timestamp or start  # a slow /generate may end later
    seconds = max(0.0, last - start - plan.options.warmup)
    found = figures(plan)
    none = {"calls": 0, "failures": 0, "p50": None, "p95": None, "p99": None}
    wrong = verdicts(plan.options, found.get("/score", none), seconds)
    print(f"\n{plan.options.rate:g} calls per second, latency from the intended start, [95 % interval]:")
    print("\n".join(line(route, values) for route, values in found.items()))
    print("\n".join(f"  FAILED: {reason}" for reason in wrong) if wrong else "  all thresholds hold")
    if plan.options.figures:
        plan.options.figures.write_text(json.dumps({"routes": found, "failed": wrong}, indent=2))
    environment.process_exit_code = 1 if wrong else 0
