"""What acted and what it earned, what each shadow policy would have earned, and how long predictors took."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from oo_contracts.events import Prediction
from oo_contracts.score import PolicyInfo
from oo_decisions.round import Round, RoundState
from oo_experiments.ope.estimators import PolicyEstimate
from oo_experiments.statistics.interval import Interval

from oo_pipelines.ope.evaluation import EstimatorParameters, evaluate
from oo_pipelines.ope.rounds_table import RoundsTable
from oo_pipelines.ope.store_rounds import REPLAYED_POLICIES, rounds_table, rounds_with_target
from oo_pipelines.report.copies import Copies, CopyCounter
from oo_pipelines.report.round_outcomes import LoggedRound
from oo_pipelines.report.summary import Counts, Spread, count_states, mean_over_users, spread

__all__ = ["ActingPolicy", "Apprentice", "ModelLatency", "PolicyReport", "ShadowEvaluation", "ShadowRounds", "policies"]

REPORTED_ESTIMATORS = ("snips", "dr")
REPLAYED_NAMES = tuple(policy.name for policy in REPLAYED_POLICIES)


@dataclass(frozen=True, slots=True)
class ActingPolicy:
    """A policy that chose, and its reward over closed rounds."""

    policy: str
    counts: Counts
    reward: Interval | None


@dataclass(frozen=True, slots=True)
class ShadowEvaluation:
    """A policy's value on rounds that another decided, and its lift over what that earned on the same rounds.

    With `shadow` its propensities were logged in these rounds and not in the `set_aside` ones; else they are replayed.
    """

    policy: str
    shadow: bool
    rounds: int
    users: int
    set_aside: int
    verdict: str
    reasons: tuple[str, ...]
    estimates: tuple[PolicyEstimate, ...]
    not_computed: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ShadowRounds:
    """In how many rounds a policy was a shadow; what it would have earned is known only of the closed ones."""

    policy: str
    closed: int
    open: int


@dataclass(frozen=True, slots=True)
class Apprentice:
    """How often a learner would have done what the baseline did, and the mean probability that it gave to that."""

    policy: str
    rounds: int
    users: int
    match_rate: Interval
    propensity: Interval


@dataclass(frozen=True, slots=True)
class ModelLatency:
    """The latency of one model version, live or in its mirrored copies."""

    model: str
    role: str
    latency_ms: Spread


@dataclass(frozen=True, slots=True)
class PolicyReport:
    """The whole report of policies."""

    acted: tuple[ActingPolicy, ...]
    shadows: tuple[ShadowRounds, ...]
    watched: tuple[ShadowEvaluation, ...]
    apprentices: tuple[Apprentice, ...]
    models: tuple[ModelLatency, ...]
    copies: tuple[Copies, ...]


def policies(
    rounds: Sequence[LoggedRound],
    closed: Iterable[Round],
    predicted: Iterable[Prediction],
    now: datetime,
    since: datetime | None = None,
) -> PolicyReport:
    """Return the report of policies.

    `rounds` are all rounds, `closed` once more the closed ones, whole; `now` is when copies have to be there.
    """
    models, copies = _predicted((item for item in predicted if since is None or item.occurred_at >= since), now)
    recent = [item for item in rounds if since is None or item.decided_at >= since]
    return PolicyReport(
        acted=tuple(_acting_policies(recent)),
        shadows=tuple(_shadow_rounds(recent)),
        watched=tuple(
            _shadow_evaluations(item for item in closed if since is None or item.decision.decided_at >= since)
        ),
        apprentices=tuple(_apprentices(recent)),
        models=models,
        copies=copies,
    )


def _acting_policies(rounds: Sequence[LoggedRound]) -> Iterator[ActingPolicy]:
    by_policy: dict[str, list[LoggedRound]] = {}
    for item in rounds:
        by_policy.setdefault(f"{item.policy.name} {item.policy.version}", []).append(item)
    for name, own in sorted(by_policy.items()):
        reward = mean_over_users([(item.user_id, item.outcome.reward) for item in own])
        yield ActingPolicy(name, count_states(own), reward)


def _shadow_rounds(rounds: Sequence[LoggedRound]) -> Iterator[ShadowRounds]:
    closed, unclosed = Counter[str](), Counter[str]()
    for item in rounds:
        counter = closed if item.outcome.state is RoundState.CLOSED else unclosed
        counter.update(_shadow_name(policy) for policy in item.shadows)
    for name in sorted(closed.keys() | unclosed.keys()):
        yield ShadowRounds(name, closed[name], unclosed[name])


def _shadow_name(policy: PolicyInfo) -> str:
    """Return the policy's name as the table of rounds calls its targets."""
    return f"{policy.name}-{policy.version}"


def _shadow_evaluations(closed: Iterable[Round]) -> Iterator[ShadowEvaluation]:
    """Yield the evaluation of each policy, shadows first."""
    remaining = iter(closed)
    first = next(remaining, None)
    if first is None:
        return
    table = rounds_table(chain([first], remaining))
    targets = RoundsTable.of(table).targets
    shadows = [name for name in targets if name not in {"logged", *REPLAYED_NAMES}]
    for name in (*shadows, *(name for name in REPLAYED_NAMES if name in targets)):
        rows = rounds_with_target(table, name)
        evaluation = evaluate(RoundsTable.of(rows), name, REPORTED_ESTIMATORS, EstimatorParameters(), strict=False)
        yield ShadowEvaluation(
            policy=name,
            shadow=name in shadows,
            rounds=evaluation.rounds,
            users=evaluation.users,
            set_aside=table.num_rows - rows.num_rows,
            verdict=evaluation.verdict.label,
            reasons=evaluation.verdict.reasons,
            estimates=evaluation.estimates,
            not_computed=evaluation.not_computed,
        )


def _apprentices(rounds: Sequence[LoggedRound]) -> Iterator[Apprentice]:
    by_learner: dict[str, list[LoggedRound]] = {}
    for item in rounds:
        if item.agreement is not None:
            by_learner.setdefault(f"{item.agreement.learner.name} {item.agreement.learner.version}", []).append(item)
    for name, own in sorted(by_learner.items()):
        agrees = mean_over_users([(item.user_id, item.agreement.agrees) for item in own if item.agreement])
        probability = mean_over_users([(item.user_id, item.agreement.propensity) for item in own if item.agreement])
        if agrees and probability:
            yield Apprentice(name, len(own), len({item.user_id for item in own}), agrees, probability)


def _predicted(predicted: Iterable[Prediction], now: datetime) -> tuple[tuple[ModelLatency, ...], tuple[Copies, ...]]:
    """Return the latency of answered calls by model version and role, and how the copies ended."""
    latencies: dict[tuple[str, str], list[float]] = {}
    copies = CopyCounter()
    for item in predicted:
        copies.add(item)
        if item.outcome == "answered":
            latencies.setdefault((f"{item.model.name} {item.model.version}", item.role), []).append(item.latency_ms)
    spreads = ((key, spread(values)) for key, values in sorted(latencies.items()))
    return tuple(ModelLatency(*key, latency) for key, latency in spreads if latency is not None), copies.counts(now)
