"""What prompt versions are worth and cost, in words, tables and figures."""

from __future__ import annotations

from collections.abc import Iterator

from oo_experiments.comparison import FEWEST

from oo_pipelines.report.figures import Dot, Drawn, Forest, States
from oo_pipelines.report.prompts import Prompts, Version
from oo_pipelines.report.told import NONE, Cell, Sheet, Told, between, latency, number, share, to_come

__all__ = ["prompts_told"]

REWARDS = ("version", "drawn", "closed", "shown", "never seen", "reward", "95 %", "naive mean", "ESS", "max weight")
COSTS = ("version", "tips", "p50 ms", "p95 ms", "prompt tokens", "tip tokens", "template", "invalid", "reasons")
WEIGHTED = (
    "Rewards are weighted by the chances of the draws: each is what the version would have earned in every round. The "
    "naive mean beside it is not: a bandit draws losers seldom, and callers choose for reasons of their own."
)


def prompts_told(of: Prompts) -> Told:
    """One part; without tips it says so."""
    if not of.versions:
        return Told("Prompt versions", "No tip has been written yet.")
    open_rounds = to_come(
        sum(item.shown for item in of.versions), sum(item.unseen for item in of.versions), of.last_closes_at
    )
    return Told(
        title="Prompt versions",
        answer=_answer(of),
        remarks=(open_rounds, WEIGHTED),
        figures=tuple(_figures(of)),
        sheets=tuple(_sheets(of)),
    )


def _answer(of: Prompts) -> str:
    known = sorted(
        ((item.reward.value, item) for item in of.versions if item.reward), key=lambda pair: pair[0], reverse=True
    )
    if not known:
        return "No version was drawn among several in a round that is closed by now, so nothing is known of rewards."
    if of.users < FEWEST:
        return f"{of.users} users have closed tips that were drawn: too few to say what a version earns."
    (value, best), *others = known
    if best.reward is None or not others:
        return f"{best.version} earns {number(value)} per round; no other version was drawn and closed."
    second = others[0][1]
    means = f"{best.version} earns most, {number(value)} per round ({between(best.reward.lower, best.reward.upper)})"
    beside = second.reward
    if beside is None:
        raise AssertionError("only versions with a reward are compared")
    next_best = f"{second.version}, with {number(beside.value)} ({between(beside.lower, beside.upper)})"
    apart = (
        "at this look their 95 % intervals do not meet"
        if best.reward.lower > beside.upper
        else "their 95 % intervals overlap: undecided"
    )
    return f"{means}, before {next_best}; {apart}."


def _figures(of: Prompts) -> Iterator[Drawn]:
    dots = tuple(
        Dot(item.version, item.reward.value, item.reward.lower, item.reward.upper, hollow=item.naive_reward)
        for item in of.versions
        if item.reward
    )
    if dots:
        yield Forest("Reward per round, weighted, with its 95 % interval over users; hollow, the naive mean", dots)
    yield States("Drawn tips by state", tuple((it.version, it.closed, it.shown, it.unseen) for it in of.versions))


def _sheets(of: Prompts) -> Iterator[Sheet]:
    aside = "; ".join(
        f"{item.version}: {item.forced:,} named by the caller, {item.certain:,} without an alternative"
        for item in of.versions
    )
    yield Sheet("Rewards", REWARDS, tuple(map(_rewarded, of.versions)), (f"Set aside for rewards: {aside}.",))
    yield Sheet("Costs", COSTS, tuple(map(_cost, of.versions)), ("Of all tips, drawn or not.",))


def _rewarded(of: Version) -> tuple[Cell, ...]:
    states = (of.version, of.drawn, of.closed, of.shown, of.unseen)
    if of.reward is None:
        return (*states, NONE, NONE, number(of.naive_reward), NONE, NONE)
    ends = between(of.reward.lower, of.reward.upper)
    weights = number(of.reward.effective_sample_size, 1), number(of.reward.max_weight, 1)
    return (*states, number(of.reward.value), ends, number(of.naive_reward), *weights)


def _cost(of: Version) -> tuple[Cell, ...]:
    tokens = number(of.prompt_tokens, 0), number(of.completion_tokens, 0)
    reasons = ", ".join(f"{name} {count:,}" for name, count in of.fallbacks.items())
    rates = share(of.fallback_rate), share(of.invalid_output_rate)
    return (of.version, of.drawn + of.certain + of.forced, *latency(of.latency_ms, 0), *tokens, *rates, reasons)
