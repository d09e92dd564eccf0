"""What prompt versions are worth and cost, in words, tables and figures."""

from __future__ import annotations

from collections.abc import Iterator

from oo_experiments.statistics.mean_comparison import MIN_USERS

from oo_pipelines.report.figures import Dot, Figure, Forest, States
from oo_pipelines.report.prompt_report import PromptReport, PromptVersionReport
from oo_pipelines.report.report_section import (
    NO_VALUE,
    Cell,
    ReportSection,
    Sheet,
    format_interval,
    format_number,
    format_share,
    latency,
    open_rounds_note,
)

__all__ = ["render_prompts"]

REWARD_COLUMNS = (
    "version",
    "drawn",
    "closed",
    "shown",
    "never seen",
    "reward",
    "95 %",
    "naive mean",
    "ESS",
    "max weight",
)
COST_COLUMNS = ("version", "tips", "p50 ms", "p95 ms", "prompt tokens", "tip tokens", "template", "invalid", "reasons")
WEIGHTED = (
    "Rewards are weighted by the propensities of the draws: each is what the version would have earned in every round. "
    "The naive mean beside it is not: a bandit draws losers seldom, and callers choose for reasons of their own."
)


def render_prompts(report: PromptReport) -> ReportSection:
    """Return the section of prompt versions; without tips it says so."""
    if not report.versions:
        return ReportSection("Prompt versions", "No tip has been written yet.")
    open_rounds = open_rounds_note(
        sum(item.shown for item in report.versions), sum(item.unseen for item in report.versions), report.last_closes_at
    )
    return ReportSection(
        title="Prompt versions",
        answer=_answer(report),
        remarks=(open_rounds, WEIGHTED),
        figures=tuple(_figures(report)),
        sheets=tuple(_sheets(report)),
    )


def _answer(report: PromptReport) -> str:
    known = sorted(
        ((item.reward.value, item) for item in report.versions if item.reward), key=lambda pair: pair[0], reverse=True
    )
    if not known:
        return "No version was drawn among several in a round that is closed by now, so nothing is known of rewards."
    if report.users < MIN_USERS:
        return f"{report.users} users have closed tips that were drawn: too few to say what a version earns."
    (value, best), *others = known
    if best.reward is None or not others:
        return f"{best.version} earns {format_number(value)} per round; no other version was drawn and closed."
    second = others[0][1]
    interval = format_interval(best.reward.lower, best.reward.upper)
    means = f"{best.version} earns most, {format_number(value)} per round ({interval})"
    second_reward = second.reward
    if second_reward is None:
        raise AssertionError("only versions with a reward are compared")
    second_interval = format_interval(second_reward.lower, second_reward.upper)
    next_best = f"{second.version}, with {format_number(second_reward.value)} ({second_interval})"
    overlap = (
        "at this look their 95 % intervals do not meet"
        if best.reward.lower > second_reward.upper
        else "their 95 % intervals overlap: undecided"
    )
    return f"{means}, before {next_best}; {overlap}."


def _figures(report: PromptReport) -> Iterator[Figure]:
    dots = tuple(
        Dot(item.version, item.reward.value, item.reward.lower, item.reward.upper, hollow=item.naive_reward)
        for item in report.versions
        if item.reward
    )
    if dots:
        yield Forest("Reward per round, weighted, with its 95 % interval over users; hollow, the naive mean", dots)
    yield States("Drawn tips by state", tuple((it.version, it.closed, it.shown, it.unseen) for it in report.versions))


def _sheets(report: PromptReport) -> Iterator[Sheet]:
    aside = "; ".join(
        f"{item.version}: {item.forced:,} named by the caller, {item.certain:,} without an alternative"
        for item in report.versions
    )
    yield Sheet(
        "Rewards", REWARD_COLUMNS, tuple(map(_rewarded, report.versions)), (f"Set aside for rewards: {aside}.",)
    )
    yield Sheet("Costs", COST_COLUMNS, tuple(map(_cost, report.versions)), ("Of all tips, drawn or not.",))


def _rewarded(version: PromptVersionReport) -> tuple[Cell, ...]:
    states = (version.version, version.drawn, version.closed, version.shown, version.unseen)
    if version.reward is None:
        return (*states, NO_VALUE, NO_VALUE, format_number(version.naive_reward), NO_VALUE, NO_VALUE)
    ends = format_interval(version.reward.lower, version.reward.upper)
    weights = format_number(version.reward.effective_sample_size, 1), format_number(version.reward.max_weight, 1)
    return (*states, format_number(version.reward.value), ends, format_number(version.naive_reward), *weights)


def _cost(version: PromptVersionReport) -> tuple[Cell, ...]:
    tokens = format_number(version.prompt_tokens, 0), format_number(version.completion_tokens, 0)
    reasons = ", ".join(f"{name} {count:,}" for name, count in version.fallbacks.items())
    rates = format_share(version.fallback_rate), format_share(version.invalid_output_rate)
    return (
        version.version,
        version.drawn + version.certain + version.forced,
        *latency(version.latency_ms, 0),
        *tokens,
        *rates,
        reasons,
    )
