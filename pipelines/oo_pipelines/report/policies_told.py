"""What policies earned or would have earned, in words, tables and figures."""

from __future__ import annotations

from collections.abc import Iterator

from oo_experiments.ope.estimators import Estimate

from oo_pipelines.report.figures import Dot, Drawn, Forest, States
from oo_pipelines.report.policies import Acted, Apprentice, Policies, Watched
from oo_pipelines.report.told import NONE, Cell, Sheet, Told, between, intervals, latency, number, share, signed, states

__all__ = ["policies_told"]

ACTED = ("policy", "users", "closed", "shown", "never seen", "activation", "reward", "95 %", "at every look")
OFF_POLICY = ("value", "lift", "95 %", "at every look", "ESS", "max weight")
WATCHED = ("policy", "chances", "rounds", "by", *OFF_POLICY, "verdict")
APPRENTICES = ("learner", "rounds", "users", "match rate", "95 %", "mean chance", "95 %")
BY_TABLE = "DR believes the logged values of the model and corrects them; oo-ml ope has more estimators."


def policies_told(of: Policies) -> Told:
    """One part; without rounds it says so."""
    if not of.acted:
        return Told("Policies", "No round has been decided yet.")
    return Told(
        title="Policies",
        answer=" ".join(_answer(of)),
        remarks=("Rewards are of closed rounds alone; intervals are over users.",),
        figures=tuple(_figures(of)),
        sheets=tuple(_sheets(of)),
    )


def _answer(of: Policies) -> Iterator[str]:
    closed = sum(item.counts.closed for item in of.acted)
    if not closed:
        yield "No round is closed yet, so nothing is known of rewards."
        return
    yield f"{_plural(len(of.acted), 'policy', 'policies')} acted, in {closed:,} closed rounds."
    shadows = [item for item in of.watched if item.shadow]
    if not shadows:
        yield "No policy was logged as a shadow."
    for item in shadows:
        best = _best(item)
        if best is None or item.verdict != "evaluable":
            yield f"What {item.policy} would have earned, this log cannot say."
            continue
        way = "more" if best.lift.value >= 0 else "less"
        lower, upper = best.lift.sequence_lower, best.lift.sequence_upper
        decided = "decided" if lower > 0 or upper < 0 else "undecided"
        yield (
            f"{item.policy} would have earned {number(abs(best.lift.value))} {way} per round than what acted "
            f"({between(lower, upper)}); {decided}."
        )


def _plural(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"


def _best(of: Watched) -> Estimate | None:
    """DR where it could be computed."""
    return of.estimates[-1] if of.estimates else None


def _figures(of: Policies) -> Iterator[Drawn]:
    means = [(item.policy, item.reward) for item in of.acted if item.reward]
    values = [(item.policy, best.interval) for item in of.watched if (best := _best(item)) and not item.reasons]
    dots = tuple(
        Dot(name, it.value, it.lower, it.upper, it.sequence_lower, it.sequence_upper) for name, it in (*means, *values)
    )
    if dots:
        caption = "Reward per round: first what acted, then what could be evaluated; thin, 95 % at every look"
        yield Forest(caption, dots)
    counts = [(item.policy, item.counts) for item in of.acted]
    yield States("Rounds by state", tuple((name, it.closed, it.shown, it.unseen) for name, it in counts))


def _sheets(of: Policies) -> Iterator[Sheet]:
    yield Sheet("What acted", ACTED, tuple(map(_acted, of.acted)))
    if of.watched:
        notes = (*(f"{item.policy}: not evaluable: {why}" for item in of.watched for why in item.reasons), BY_TABLE)
        rows = tuple(row for item in of.watched for row in _watched(item))
        yield Sheet("What other policies would have earned", WATCHED, rows, notes)
    if of.apprentices:
        note = "How often the learner's most likely candidate was the baseline's choice, which was shown."
        yield Sheet("Apprentices", APPRENTICES, tuple(map(_apprentice, of.apprentices)), (note,))
    if of.models:
        rows = tuple((it.model, it.role, it.latency_ms.count, *latency(it.latency_ms, 2)) for it in of.models)
        yield Sheet("Predictors", ("model", "role", "calls", "p50 ms", "p95 ms"), rows)


def _apprentice(of: Apprentice) -> tuple[Cell, ...]:
    rate, chance = of.match_rate, of.chance
    ends = between(rate.lower, rate.upper), between(chance.lower, chance.upper)
    return of.policy, of.rounds, of.users, share(rate.value), ends[0], number(chance.value), ends[1]


def _acted(of: Acted) -> tuple[Cell, ...]:
    return (of.policy, *states(of.counts), *intervals(of.reward))


def _watched(of: Watched) -> Iterator[tuple[Cell, ...]]:
    chances = "logged" if of.shadow else "replayed"
    if not of.estimates:
        yield of.policy, chances, of.rounds, *(NONE,) * 7, of.verdict
    for item in of.estimates:
        lift = (signed(item.lift.value), between(item.lift.lower, item.lift.upper))
        always = between(item.lift.sequence_lower, item.lift.sequence_upper)
        weights = number(item.effective_sample_size, 1), number(item.max_weight, 1)
        name = item.estimator.upper()
        yield of.policy, chances, of.rounds, name, number(item.interval.value), *lift, always, *weights, of.verdict
