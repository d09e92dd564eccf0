"""What acted and what it earned; what each policy that only watched would have earned; what predictors took."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from oo_contracts.events import Prediction
from oo_contracts.rounds import Round
from oo_experiments.ope.estimators import Estimate
from oo_experiments.ope.interval import Interval

from oo_pipelines.ope import Parameters, evaluate
from oo_pipelines.ope_log import REPLAYED, knowing, table_of
from oo_pipelines.ope_table import Rounds
from oo_pipelines.report.measured import Counts, Spread, counted, mean_over_users, spread
from oo_pipelines.report.played import Played

__all__ = ["Acted", "Apprentice", "Model", "Policies", "Watched", "policies"]

ESTIMATORS = ("snips", "dr")
ALWAYS = tuple(policy.name for policy in REPLAYED)


@dataclass(frozen=True, slots=True)
class Acted:
    """A policy that drew, and its reward over closed rounds."""

    policy: str
    counts: Counts
    reward: Interval | None


@dataclass(frozen=True, slots=True)
class Watched:
    """A policy's value on rounds that another drew, and its lift to what that earned on the same rounds.

    `shadow`: its chances were logged in these rounds and not in the `set_aside` ones; else they are replayed.
    """

    policy: str
    shadow: bool
    rounds: int
    users: int
    set_aside: int
    verdict: str
    reasons: tuple[str, ...]
    estimates: tuple[Estimate, ...]
    not_computed: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Apprentice:
    """How often a learner would have done what the baseline did, and the mean chance that it gave to that."""

    policy: str
    rounds: int
    users: int
    match_rate: Interval
    chance: Interval


@dataclass(frozen=True, slots=True)
class Model:
    """Answers of one model version, live or in its mirrored copies."""

    model: str
    role: str
    latency_ms: Spread


@dataclass(frozen=True, slots=True)
class Policies:
    """The whole report."""

    acted: tuple[Acted, ...]
    watched: tuple[Watched, ...]
    apprentices: tuple[Apprentice, ...]
    models: tuple[Model, ...]


def policies(
    played: Sequence[Played], closed: Iterable[Round], predicted: Iterable[Prediction], since: datetime | None = None
) -> Policies:
    """`played` are all rounds, `closed` once more the closed ones, whole."""
    some = [item for item in played if since is None or item.decided_at >= since]
    return Policies(
        acted=tuple(_acted(some)),
        watched=tuple(_watched(item for item in closed if since is None or item.decision.decided_at >= since)),
        apprentices=tuple(_apprentices(some)),
        models=tuple(_models(item for item in predicted if since is None or item.occurred_at >= since)),
    )


def _acted(played: Sequence[Played]) -> Iterator[Acted]:
    by_policy: dict[str, list[Played]] = {}
    for item in played:
        by_policy.setdefault(f"{item.policy.name} {item.policy.version}", []).append(item)
    for name, rounds in sorted(by_policy.items()):
        reward = mean_over_users([(item.user_id, item.outcome.reward) for item in rounds])
        yield Acted(name, counted(rounds), reward)


def _watched(closed: Iterable[Round]) -> Iterator[Watched]:
    """Shadows first: they are what was asked to be watched."""
    some = iter(closed)
    first = next(some, None)
    if first is None:
        return
    table = table_of(chain([first], some))
    targets = Rounds.of(table).targets
    shadows = [name for name in targets if name not in {"logged", *ALWAYS}]
    for name in (*shadows, *(name for name in ALWAYS if name in targets)):
        known = knowing(table, name)
        found = evaluate(Rounds.of(known), name, ESTIMATORS, Parameters(), strict=False)
        yield Watched(
            policy=name,
            shadow=name in shadows,
            rounds=found.rounds,
            users=found.users,
            set_aside=table.num_rows - known.num_rows,
            verdict=found.verdict.said,
            reasons=found.verdict.reasons,
            estimates=found.estimates,
            not_computed=found.not_computed,
        )


def _apprentices(played: Sequence[Played]) -> Iterator[Apprentice]:
    by_learner: dict[str, list[Played]] = {}
    for item in played:
        if item.matched is not None:
            by_learner.setdefault(f"{item.matched.learner.name} {item.matched.learner.version}", []).append(item)
    for name, rounds in sorted(by_learner.items()):
        agrees = mean_over_users([(item.user_id, item.matched.agrees) for item in rounds if item.matched])
        chance = mean_over_users([(item.user_id, item.matched.chance) for item in rounds if item.matched])
        if agrees and chance:
            yield Apprentice(name, len(rounds), len({item.user_id for item in rounds}), agrees, chance)


def _models(predicted: Iterable[Prediction]) -> Iterator[Model]:
    took: dict[tuple[str, str], list[float]] = {}
    for item in predicted:
        took.setdefault((f"{item.model.name} {item.model.version}", item.role), []).append(item.latency_ms)
    for (model, role), values in sorted(took.items()):
        if (found := spread(values)) is not None:
            yield Model(model, role, found)
