"""What an experiment has shown, in words, tables and figures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from oo_experiments.comparison import Verdict as Holding

from oo_pipelines.report.experiment import Contrast, Result, Variant
from oo_pipelines.report.figures import Course, Dot, Drawn, Forest, Line, States
from oo_pipelines.report.told import (
    NONE,
    Cell,
    Sheet,
    Told,
    between,
    instant,
    intervals,
    latency,
    number,
    signed,
    states,
    to_come,
)

__all__ = ["experiments_told"]

WHY_PLAIN = (
    "Means are plain ones of each variant's own rounds: users (or requests) were assigned to it, and within it the "
    "policy acts by its own chances, so there is nothing to weight. Intervals are over users."
)

LATENCY = {
    "candidates": "p50 and p95 are of the predictor's answers to these rounds.",
    "prompts": "p50 and p95 are of whole tips; tokens are a tip's mean, the prompt's and its own together.",
}


def experiments_told(found: Sequence[Result], key: str | None, known: Sequence[str]) -> Iterator[Told]:
    """A part for each experiment; where there is none, one that says so. `known` have rounds."""
    yield from map(_told, found)
    if not found:
        which = f"the experiment {key}" if key else "an experiment"
        others = f" There are rounds of {', '.join(known)}." if known else ""
        yield Told(f"Experiment {key}" if key else "Experiments", f"There is no round of {which} yet.{others}")


def _told(of: Result) -> Told:
    days = f"{instant(of.first)} to {instant(of.last)} UTC, assigned by {of.unit}"
    counts = [item.counts for item in of.variants]
    open_rounds = to_come(sum(item.shown for item in counts), sum(item.unseen for item in counts), of.last_closes_at)
    return Told(
        title=f"Experiment {of.key}",
        answer=" ".join(_answer(of)),
        remarks=(f"{days}.", open_rounds, WHY_PLAIN, LATENCY[of.about]),
        figures=tuple(_figures(of)),
        sheets=tuple(_sheets(of)),
    )


def _answer(of: Result) -> Iterator[str]:
    if of.ratio is not None and of.ratio.alarm:
        yield "The variants have not got the users that their weights say: do not trust what follows."
    if not any(item.counts.closed for item in of.variants):
        yield "No round is closed yet, so nothing is known of rewards."
        return
    if not of.contrasts:
        yield f"{of.variants[0].name} is alone: there is nothing to compare it with."
    for item in of.contrasts:
        yield _compared(item)
        broken = [each.metric for each in item.guardrails if each.verdict is Holding.VIOLATED]
        if broken:
            yield f"It violates the guardrail of {' and of '.join(broken)}."


def _compared(of: Contrast) -> str:
    found = of.difference
    if found is None:
        return f"{of.variant} and {of.reference} cannot be compared: one of them has no closed round."
    way = "more" if found.estimate >= 0 else "less"
    means = f"{of.variant} earns {number(abs(found.estimate))} {way} per round than {of.reference}"
    if of.verdict == "too few users":
        return f"{means} so far; there are too few users for an interval."
    bounds = sorted(abs(end) for end in (found.sequence_lower, found.sequence_upper))
    if of.verdict == "undecided":
        return f"{means} so far ({between(found.sequence_lower, found.sequence_upper)}); undecided."
    return f"{means} ({between(*bounds)}); decided."


def _figures(of: Result) -> Iterator[Drawn]:
    means = [(item.name, item.reward) for item in of.variants if item.reward is not None]
    if means:
        dots = (Dot(name, it.value, it.lower, it.upper, it.sequence_lower, it.sequence_upper) for name, it in means)
        yield Forest("Reward per closed round: thick, 95 % at one look; thin, at every look", tuple(dots))
    lines = tuple(_line(item) for item in of.contrasts if item.course)
    if lines:
        yield Course(
            f"Difference to {of.contrasts[0].reference} of the rounds decided until then, with the 95 % band that "
            "holds at every look",
            lines,
        )
    counts = [(item.name, item.counts) for item in of.variants]
    yield States("Rounds by state", tuple((name, it.closed, it.shown, it.unseen) for name, it in counts))


def _line(of: Contrast) -> Line:
    parts = zip(*((look.at, look.estimate, look.lower, look.upper) for look in of.course), strict=True)
    at, value, lower, upper = parts
    return Line(of.variant, at, value, lower, upper)


def _sheets(of: Result) -> Iterator[Sheet]:
    columns = ("variant", "users", "closed", "shown", "never seen", "activation", "reward", "95 %", "at every look")
    more = ("p50 ms", "p95 ms", *(["tokens"] if of.about == "prompts" else []), "acted by")
    rows = tuple(_variant_row(item, tokens=of.about == "prompts") for item in of.variants)
    yield Sheet("Variants", (*columns, *more), rows)
    if of.contrasts:
        yield Sheet(
            f"Differences to {of.contrasts[0].reference}",
            ("variant", "difference", "95 %", "at every look", "verdict"),
            tuple(map(_difference_row, of.contrasts)),
            tuple(_cuped(of.contrasts)),
        )
    guards = [(item.variant, each) for item in of.contrasts for each in item.guardrails]
    if guards:
        rows = tuple(
            (
                name,
                each.metric,
                f"{each.difference.estimate:+.1%}",
                f"{each.margin:.1%}",
                str(each.verdict),
            )
            for name, each in guards
        )
        bad = tuple(place for place, (_, each) in enumerate(guards) if each.verdict is Holding.VIOLATED)
        yield Sheet("Guardrails", ("variant", "share of rounds", "difference", "margin", "verdict"), rows, bad=bad)
    if of.ratio is not None:
        yield _ratio_sheet(of)


def _variant_row(of: Variant, *, tokens: bool) -> tuple[Cell, ...]:
    acted = ", ".join(f"{name} ({count:,})" for name, count in of.policies.items())
    return (
        of.name,
        *states(of.counts),
        *intervals(of.reward),
        *latency(of.latency_ms),
        *([number(of.tokens, 0)] if tokens else []),
        acted,
    )


def _difference_row(of: Contrast) -> tuple[Cell, ...]:
    found = of.difference
    if found is None:
        return of.variant, NONE, NONE, NONE, of.verdict
    ends = between(found.lower, found.upper), between(found.sequence_lower, found.sequence_upper)
    return of.variant, signed(found.estimate), *ends, of.verdict


def _cuped(contrasts: Sequence[Contrast]) -> Iterator[str]:
    for item in contrasts:
        if item.adjusted is not None:
            found = item.adjusted
            yield (
                f"With what users earned before (CUPED, {found.variance_ratio:.0%} of the variance left): "
                f"{item.variant} "
                f"{signed(found.estimate)}, {between(found.lower, found.upper)} at one look, "
                f"{between(found.sequence_lower, found.sequence_upper)} at every look."
            )


def _ratio_sheet(of: Result) -> Sheet:
    ratio = of.ratio
    if ratio is None:
        raise AssertionError("asked for where there is one")
    verdict = "ALARM" if ratio.alarm else "as the weights say" if ratio.enough else "too few to tell"
    notes = [f"Sample ratio: {verdict} (p = {ratio.p:.2g})."]
    if ratio.moved:
        notes.append(f"{ratio.moved:,} {of.unit}s were in two variants, as happens when weights change.")
    rows = zip(ratio.variants, map(round, ratio.observed), (number(each, 1) for each in ratio.expected), strict=True)
    return Sheet(f"{of.unit.capitalize()}s by variant", ("variant", "came", "expected"), tuple(rows), tuple(notes))
