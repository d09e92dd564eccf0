"""What policies earned or would have earned, in words, tables and figures."""

from __future__ import annotations

from collections.abc import Iterator

from oo_experiments.ope.estimators import PolicyEstimate

from oo_pipelines.report.copies import ENDINGS, Copies
from oo_pipelines.report.figures import Dot, Figure, Forest, States
from oo_pipelines.report.policy_report import ActingPolicy, Apprentice, PolicyReport, ShadowEvaluation
from oo_pipelines.report.report_section import (
    NO_VALUE,
    Cell,
    ReportSection,
    Sheet,
    format_interval,
    format_number,
    format_share,
    format_signed,
    intervals,
    latency,
    states,
)

__all__ = ["render_policies"]

ACTED = ("policy", "users", "closed", "shown", "never seen", "activation", "reward", "95 %", "at every look")
OFF_POLICY = ("value", "lift", "95 %", "at every look", "ESS", "max weight")
WATCHED = ("policy", "propensities", "rounds", "by", *OFF_POLICY, "verdict")
APPRENTICES = ("learner", "rounds", "users", "match rate", "95 %", "mean propensity", "95 %")
BY_TABLE = "DR believes the logged values of the model and corrects them; oo-ml ope has more estimators."


def render_policies(report: PolicyReport) -> ReportSection:
    """Return the section of policies; without rounds it says so."""
    if not report.acted:
        return ReportSection("Policies", "No round has been decided yet.")
    return ReportSection(
        title="Policies",
        answer=" ".join(_answer(report)),
        remarks=("Rewards are of closed rounds alone; intervals are over users.",),
        figures=tuple(_figures(report)),
        sheets=tuple(_sheets(report)),
    )


def _answer(report: PolicyReport) -> Iterator[str]:
    closed = sum(item.counts.closed for item in report.acted)
    if closed:
        yield f"{_plural(len(report.acted), 'policy', 'policies')} acted, in {closed:,} closed rounds."
    else:
        yield "No round is closed yet, so nothing is known of rewards."
    if not report.shadows:
        yield "No policy was logged as a shadow."
    yield from _shadows(report)


def _shadows(report: PolicyReport) -> Iterator[str]:
    for shadow in report.shadows:
        if not shadow.closed:
            rounds = _plural(shadow.open, "round", "rounds")
            yield f"{shadow.policy} was logged as a shadow in {rounds}, of which none is closed yet."
    for item in (item for item in report.watched if item.shadow):
        best = _best(item)
        if best is None or item.verdict != "evaluable":
            yield f"What {item.policy} would have earned, this log cannot say."
            continue
        way = "more" if best.lift.value >= 0 else "less"
        lower, upper = best.lift.sequence_lower, best.lift.sequence_upper
        decided = "decided" if lower > 0 or upper < 0 else "undecided"
        yield (
            f"{item.policy} would have earned {format_number(abs(best.lift.value))} {way} per round than what acted "
            f"({format_interval(lower, upper)}); {decided}."
        )


def _plural(count: int, one: str, many: str) -> str:
    return f"{count:,} {one if count == 1 else many}"


def _best(evaluation: ShadowEvaluation) -> PolicyEstimate | None:
    """Return the best estimate, which is DR where it could be computed."""
    return evaluation.estimates[-1] if evaluation.estimates else None


def _figures(report: PolicyReport) -> Iterator[Figure]:
    means = [(item.policy, item.reward) for item in report.acted if item.reward]
    values = [(item.policy, best.interval) for item in report.watched if (best := _best(item)) and not item.reasons]
    dots = tuple(
        Dot(name, it.value, it.lower, it.upper, it.sequence_lower, it.sequence_upper) for name, it in (*means, *values)
    )
    if dots:
        caption = "Reward per round: first what acted, then what could be evaluated; thin, 95 % at every look"
        yield Forest(caption, dots)
    counts = [(item.policy, item.counts) for item in report.acted]
    yield States("Rounds by state", tuple((name, it.closed, it.shown, it.unseen) for name, it in counts))


def _sheets(report: PolicyReport) -> Iterator[Sheet]:
    yield Sheet("What acted", ACTED, tuple(map(_acted, report.acted)))
    if report.shadows:
        counts = tuple((item.policy, item.closed, item.open) for item in report.shadows)
        yield Sheet("Shadows", ("policy", "closed rounds", "open rounds"), counts)
    if report.watched:
        notes = (*(f"{item.policy}: not evaluable: {why}" for item in report.watched for why in item.reasons), BY_TABLE)
        rows = tuple(row for item in report.watched for row in _watched(item))
        yield Sheet("What other policies would have earned", WATCHED, rows, notes)
    if report.apprentices:
        note = "How often the learner's most likely candidate was the baseline's choice, which was shown."
        yield Sheet("Apprentices", APPRENTICES, tuple(map(_apprentice, report.apprentices)), (note,))
    if report.models:
        rows = tuple((it.model, it.role, it.latency_ms.count, *latency(it.latency_ms, 2)) for it in report.models)
        yield Sheet("Predictors", ("model", "role", "calls", "p50 ms", "p95 ms"), rows)
    if report.copies:
        due = "Copies are due from the first on that came, until the next version's first or a minute ago"
        note = f"{due}; not of calls that the version answered itself."
        columns = ("model", "due", *(name.replace("_", " ") for name in ENDINGS))
        yield Sheet("Mirrored copies", columns, tuple(map(_copies, report.copies)), (note,))


def _copies(copies: Copies) -> tuple[Cell, ...]:
    return copies.model, copies.due, *(copies.endings[ending] for ending in ENDINGS)


def _apprentice(apprentice: Apprentice) -> tuple[Cell, ...]:
    rate, probability = apprentice.match_rate, apprentice.propensity
    ends = format_interval(rate.lower, rate.upper), format_interval(probability.lower, probability.upper)
    return (
        apprentice.policy,
        apprentice.rounds,
        apprentice.users,
        format_share(rate.value),
        ends[0],
        format_number(probability.value),
        ends[1],
    )


def _acted(acting: ActingPolicy) -> tuple[Cell, ...]:
    return (acting.policy, *states(acting.counts), *intervals(acting.reward))


def _watched(evaluation: ShadowEvaluation) -> Iterator[tuple[Cell, ...]]:
    source = "logged" if evaluation.shadow else "replayed"
    if not evaluation.estimates:
        yield evaluation.policy, source, evaluation.rounds, *(NO_VALUE,) * 7, evaluation.verdict
    for item in evaluation.estimates:
        lift = (format_signed(item.lift.value), format_interval(item.lift.lower, item.lift.upper))
        at_every_look = format_interval(item.lift.sequence_lower, item.lift.sequence_upper)
        weights = format_number(item.effective_sample_size, 1), format_number(item.max_weight, 1)
        name = item.estimator.upper()
        yield (
            evaluation.policy,
            source,
            evaluation.rounds,
            name,
            format_number(item.interval.value),
            *lift,
            at_every_look,
            *weights,
            evaluation.verdict,
        )
