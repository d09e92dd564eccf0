"""The gate: the only way by which an alias moves.

Every alias needs a complete card that agrees with the registered version, and a folder that a predictor would serve:
the gate fetches it and tries it as a predictor does, a former champion's too. `champion` decides what users see, so it
also needs evidence: mirrored copies of live calls, answered by the version beside the champion. Two need none: the
first champion (there is nothing to compare with), and one that was champion before (a rollback must be quick).

PromotionRefused.reason is one of REASONS; the first that holds, in their order.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final, Literal, get_args

from oo_model_cards.card import ModelCard
from oo_model_cards.card_parts import AliasMove
from oo_model_cards.errors import ArtifactError, InvalidModelOutput, NotFinite, OtherModel, OutOfRange, TooSlow
from oo_model_cards.registry import Registry
from oo_model_cards.version import RegisteredVersion

__all__ = [
    "CHAMPION",
    "DEFAULT_THRESHOLDS",
    "REASONS",
    "Evidence",
    "EvidenceThresholds",
    "PromotionRefused",
    "Reason",
    "promote",
]

CHAMPION: Final = "champion"

Reason = Literal[
    "card_incomplete",
    "card_of_another",
    "folder_refused",
    "not_a_ranker",
    "not_finite",
    "out_of_range",
    "another_model",
    "too_slow",
    "never_mirrored",
    "evidence_of_another",
    "too_few_mirrored",
    "too_many_errors",
    "too_much_disagreement",
]
REASONS: tuple[Reason, ...] = get_args(Reason)

REASON_BY_ERROR: tuple[tuple[type[ArtifactError], Reason], ...] = (
    (NotFinite, "not_finite"),
    (OutOfRange, "out_of_range"),
    (OtherModel, "another_model"),
    (TooSlow, "too_slow"),
    (InvalidModelOutput, "not_a_ranker"),
    (ArtifactError, "folder_refused"),
)  # the first that fits


class PromotionRefused(Exception):
    """The alias did not move; `reason` is for programs, the message for people."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Evidence:
    """The result of mirroring: `version` answered `mirrored` copies of calls that `champion` answered for users.

    `errors` are copies without a valid response; `disagreement` is the share of calls in [0, 1] whose best row differs.
    """

    version: str
    champion: str
    mirrored: int
    errors: int
    disagreement: float


@dataclass(frozen=True, slots=True)
class EvidenceThresholds:
    """How much evidence is enough: the fewest mirrored calls, and the largest shares of errors and disagreement."""

    mirrored: int = 200
    error_share: float = 0.01
    disagreement: float = 0.9


DEFAULT_THRESHOLDS = EvidenceThresholds()


def promote(
    registry: Registry,
    version: RegisteredVersion,
    alias: str,
    evidence: Evidence | None = None,
    *,
    by: str,
    reason: str,
    at: datetime,
    thresholds: EvidenceThresholds = DEFAULT_THRESHOLDS,
) -> AliasMove | None:
    """Move the alias and record it; return None when it already points there.

    Raises:
        PromotionRefused: the version may not get the alias, for the one reason that it names.
        RegistryError: MLflow does not answer, or the version was not published by us.
    """
    current_version = registry.aliases(version.name).get(alias)
    if current_version == version.version:
        return None
    card = registry.card(version)
    _card_holds(card, version)
    _model_holds(registry, version)
    # The first champion has nothing to be compared with, and a former one must come back quickly.
    if alias == CHAMPION and current_version is not None and not _was_champion(card):
        _evidence_holds(evidence, version, current_version, thresholds)
    recorded = asdict(evidence) if evidence is not None else None
    move = AliasMove(
        at=at,
        by=by,
        alias=alias,
        from_version=current_version,
        to_version=version.version,
        reason=reason,
        evidence=recorded,
    )
    registry.move(version, move)
    return move


def _card_holds(card: ModelCard, version: RegisteredVersion) -> None:
    problems = card.problems()
    if problems:
        raise PromotionRefused("card_incomplete", f"the card of {_name(version)} is incomplete: {'; '.join(problems)}")
    described = (card.name, card.version, card.digest, card.feature_set)
    if described != (version.name, version.version, version.digest, version.feature_set):
        raise PromotionRefused("card_of_another", f"the card of {_name(version)} describes another model or file")


def _model_holds(registry: Registry, version: RegisteredVersion) -> None:
    try:
        registry.inspect(version)
    except ArtifactError as error:
        reason = next(reason for kind, reason in REASON_BY_ERROR if isinstance(error, kind))
        raise PromotionRefused(reason, f"{_name(version)} would not be served: {error}") from error


def _was_champion(card: ModelCard) -> bool:
    return any(move.alias == CHAMPION and move.to_version == card.version for move in card.rollout)


def _evidence_holds(
    evidence: Evidence | None, version: RegisteredVersion, champion: str, thresholds: EvidenceThresholds
) -> None:
    if evidence is None or evidence.mirrored == 0:
        raise PromotionRefused("never_mirrored", f"{_name(version)} was never mirrored beside champion {champion}")
    if (evidence.version, evidence.champion) != (version.version, champion):
        raise PromotionRefused(
            "evidence_of_another",
            f"the evidence compares {evidence.version} with {evidence.champion}, not {version.version} with {champion}",
        )
    if evidence.mirrored < thresholds.mirrored:
        raise PromotionRefused(
            "too_few_mirrored", f"{evidence.mirrored} mirrored calls; {thresholds.mirrored} are needed"
        )
    if not 0 <= evidence.errors <= thresholds.error_share * evidence.mirrored:
        raise PromotionRefused("too_many_errors", f"{evidence.errors} of {evidence.mirrored} mirrored calls failed")
    if not 0 <= evidence.disagreement <= thresholds.disagreement:
        raise PromotionRefused(
            "too_much_disagreement", f"the best row differs in {evidence.disagreement:.1%} of the calls"
        )


def _name(version: RegisteredVersion) -> str:
    return f"{version.name}/{version.version}"
