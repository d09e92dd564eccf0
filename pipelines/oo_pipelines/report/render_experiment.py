"""The results of an experiment in words, tables and figures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from oo_experiments.statistics.guardrail import GuardrailVerdict as Holding

from oo_pipelines.report.experiment_result import Contrast, ExperimentResult, VariantReport
from oo_pipelines.report.figures import Course, Dot, Figure, Forest, Line, States
from oo_pipelines.report.report_section import (
    NO_VALUE,
    Cell,
    ReportSection,
    Sheet,
    format_instant,
    format_interval,
    format_number,
    format_signed,
    intervals,
    latency,
    open_rounds_note,
    states,
)

__all__ = ["render_experiments"]

WHY_PLAIN = (
    "Means are plain ones of each variant's own rounds: users (or requests) were assigned to it, and within it the "
    "policy acts by its own propensities, so there is nothing to weight. Intervals are over users."
)

LATENCY = {
    "candidates": "p50 and p95 are of the predictor's answers to these rounds.",
    "prompts": "p50 and p95 are of whole tips; tokens are a tip's mean, the prompt's and its own together.",
}


def render_experiments(
    results: Sequence[ExperimentResult], key: str | None, known: Sequence[str]
) -> Iterator[ReportSection]:
    """Yield a section for each experiment; where there is none, one that says so. `known` are keys that have rounds."""
    yield from map(_section, results)
    if not results:
        which = f"the experiment {key}" if key else "an experiment"
        others = f" There are rounds of {', '.join(known)}." if known else ""
        yield ReportSection(f"Experiment {key}" if key else "Experiments", f"There is no round of {which} yet.{others}")


def _section(result: ExperimentResult) -> ReportSection:
    days = f"{format_instant(result.first)} to {format_instant(result.last)}, assigned by {result.unit}"
    counts = [item.counts for item in result.variants]
    open_rounds = open_rounds_note(
        sum(item.shown for item in counts), sum(item.unseen for item in counts), result.last_closes_at
    )
    return ReportSection(
        title=f"Experiment {result.key}",
        answer=" ".join(_answer(result)),
        remarks=(f"{days}.", open_rounds, WHY_PLAIN, LATENCY[result.about]),
        figures=tuple(_figures(result)),
        sheets=tuple(_sheets(result)),
    )


def _answer(result: ExperimentResult) -> Iterator[str]:
    if result.ratio is not None and result.ratio.alarm:
        yield "The variants have not got the users that their weights say: do not trust what follows."
    if not any(item.counts.closed for item in result.variants):
        yield "No round is closed yet, so nothing is known of rewards."
        return
    if not result.contrasts:
        yield f"{result.variants[0].name} is alone: there is nothing to compare it with."
    for item in result.contrasts:
        yield _compared(item)
        violated = [guardrail.metric for guardrail in item.guardrails if guardrail.verdict is Holding.VIOLATED]
        if violated:
            yield f"It violates the guardrail of {' and of '.join(violated)}."


def _compared(contrast: Contrast) -> str:
    difference = contrast.difference
    if difference is None:
        return f"{contrast.variant} and {contrast.reference} cannot be compared: one of them has no closed round."
    way = "more" if difference.estimate >= 0 else "less"
    means = (
        f"{contrast.variant} earns {format_number(abs(difference.estimate))} {way} per round than {contrast.reference}"
    )
    if contrast.verdict == "too few users":
        return f"{means} so far; there are too few users for an interval, or a few of them make most of the rounds."
    bounds = sorted(abs(end) for end in (difference.sequence_lower, difference.sequence_upper))
    if contrast.verdict == "undecided":
        return f"{means} so far ({format_interval(difference.sequence_lower, difference.sequence_upper)}); undecided."
    return f"{means} ({format_interval(*bounds)}); decided."


def _figures(result: ExperimentResult) -> Iterator[Figure]:
    means = [(item.name, item.reward) for item in result.variants if item.reward is not None]
    if means:
        dots = (
            Dot(name, interval.value, interval.lower, interval.upper, interval.sequence_lower, interval.sequence_upper)
            for name, interval in means
        )
        yield Forest("Reward per closed round: thick, 95 % at one look; thin, at every look", tuple(dots))
    lines = tuple(_line(item) for item in result.contrasts if item.course)
    if lines:
        yield Course(
            f"Difference to {result.contrasts[0].reference} of the rounds decided until then, with the 95 % band that "
            "holds at every look",
            lines,
        )
    counts = [(item.name, item.counts) for item in result.variants]
    yield States("Rounds by state", tuple((name, count.closed, count.shown, count.unseen) for name, count in counts))


def _line(contrast: Contrast) -> Line:
    parts = zip(*((look.at, look.estimate, look.lower, look.upper) for look in contrast.course), strict=True)
    instants, value, lower, upper = parts
    return Line(contrast.variant, instants, value, lower, upper)


def _sheets(result: ExperimentResult) -> Iterator[Sheet]:
    columns = ("variant", "users", "closed", "shown", "never seen", "activation", "reward", "95 %", "at every look")
    more = ("p50 ms", "p95 ms", *(["tokens"] if result.about == "prompts" else []), "acted by")
    rows = tuple(_variant_row(item, tokens=result.about == "prompts") for item in result.variants)
    yield Sheet("Variants", (*columns, *more), rows)
    if result.contrasts:
        yield Sheet(
            f"Differences to {result.contrasts[0].reference}",
            ("variant", "difference", "95 %", "at every look", "verdict"),
            tuple(map(_difference_row, result.contrasts)),
            tuple(_cuped(result.contrasts)),
        )
    guards = [(item.variant, guard_result) for item in result.contrasts for guard_result in item.guardrails]
    if guards:
        rows = tuple(
            (
                name,
                guard_result.metric,
                f"{guard_result.difference.estimate:+.1%}",
                f"{guard_result.margin:.1%}",
                str(guard_result.verdict),
            )
            for name, guard_result in guards
        )
        bad = tuple(place for place, (_, guard_result) in enumerate(guards) if guard_result.verdict is Holding.VIOLATED)
        yield Sheet("Guardrails", ("variant", "share of rounds", "difference", "margin", "verdict"), rows, bad=bad)
    if result.ratio is not None:
        yield _ratio_sheet(result)


def _variant_row(variant: VariantReport, *, tokens: bool) -> tuple[Cell, ...]:
    acted = ", ".join(f"{name} ({count:,})" for name, count in variant.policies.items())
    return (
        variant.name,
        *states(variant.counts),
        *intervals(variant.reward),
        *latency(variant.latency_ms),
        *([format_number(variant.tokens, 0)] if tokens else []),
        acted,
    )


def _difference_row(contrast: Contrast) -> tuple[Cell, ...]:
    difference = contrast.difference
    if difference is None:
        return contrast.variant, NO_VALUE, NO_VALUE, NO_VALUE, contrast.verdict
    ends = (
        format_interval(difference.lower, difference.upper),
        format_interval(difference.sequence_lower, difference.sequence_upper),
    )
    return contrast.variant, format_signed(difference.estimate), *ends, contrast.verdict


def _cuped(contrasts: Sequence[Contrast]) -> Iterator[str]:
    for item in contrasts:
        if item.adjusted is not None:
            adjusted = item.adjusted
            yield (
                f"With what users earned before (CUPED, {adjusted.variance_ratio:.0%} of the variance left): "
                f"{item.variant} "
                f"{format_signed(adjusted.estimate)}, {format_interval(adjusted.lower, adjusted.upper)} at one look, "
                f"{format_interval(adjusted.sequence_lower, adjusted.sequence_upper)} at every look."
            )


def _ratio_sheet(result: ExperimentResult) -> Sheet:
    ratio = result.ratio
    if ratio is None:
        raise AssertionError("asked for where there is one")
    verdict = "ALARM" if ratio.alarm else "as the weights say" if ratio.enough else "too few to tell"
    notes = [f"Sample ratio: {verdict} (p = {ratio.p:.2g})."]
    if ratio.moved:
        notes.append(f"{ratio.moved:,} {result.unit}s were in two variants, as happens when weights change.")
    rows = zip(
        ratio.variants,
        map(round, ratio.observed),
        (format_number(expected, 1) for expected in ratio.expected),
        strict=True,
    )
    return Sheet(f"{result.unit.capitalize()}s by variant", ("variant", "came", "expected"), tuple(rows), tuple(notes))
