"""The gate: the only way by which an alias moves.

Every alias needs a complete card that agrees with the registered version. `champion` decides what users see, so it
also needs evidence: mirrored copies of live calls, answered by the version beside the champion. Two need none: the
first champion (there is nothing to compare with), and one that was champion before (a rollback must be quick).

Refused.reason is one of REASONS; the first that holds, in their order.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final, Literal, get_args

from oo_model_cards.card import ModelCard, Move
from oo_model_cards.registry import Registry
from oo_model_cards.version import Version

__all__ = ["CHAMPION", "FLOORS", "REASONS", "Evidence", "Floors", "Reason", "Refused", "promote"]

CHAMPION: Final = "champion"

Reason = Literal[
    "card_incomplete",
    "card_of_another",
    "never_mirrored",
    "evidence_of_another",
    "too_few_mirrored",
    "too_many_errors",
    "too_much_disagreement",
]
REASONS: tuple[Reason, ...] = get_args(Reason)


class Refused(Exception):
    """The alias did not move. `reason` is for programs, the message for people."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Evidence:
    """What mirroring showed: `version` answered `mirrored` copies of calls that `champion` answered for users.

    `errors` are copies without a sound answer; `disagreement` is the share of calls in [0, 1] whose best row differs.
    """

    version: str
    champion: str
    mirrored: int
    errors: int
    disagreement: float


@dataclass(frozen=True, slots=True)
class Floors:
    """How much evidence is enough."""

    mirrored: int = 200
    error_share: float = 0.01
    disagreement: float = 0.9


FLOORS = Floors()


def promote(
    registry: Registry,
    version: Version,
    alias: str,
    evidence: Evidence | None = None,
    *,
    by: str,
    reason: str,
    at: datetime,
    floors: Floors = FLOORS,
) -> Move | None:
    """Move the alias and record it; None when it already points there.

    Raises:
        Refused: with the one reason.
        RegistryError: MLflow does not answer, or the version is not ours.
    """
    now_at = registry.aliases(version.name).get(alias)
    if now_at == version.version:
        return None
    card = registry.card(version)
    _card_holds(card, version)
    if alias == CHAMPION and now_at is not None and not _was_champion(card):
        _evidence_holds(evidence, version, now_at, floors)
    shown = asdict(evidence) if evidence is not None else None
    move = Move(
        at=at, by=by, alias=alias, from_version=now_at, to_version=version.version, reason=reason, evidence=shown
    )
    registry.move(version, move)
    return move


def _card_holds(card: ModelCard, version: Version) -> None:
    problems = card.problems()
    if problems:
        raise Refused("card_incomplete", f"the card of {_name(version)} is incomplete: {'; '.join(problems)}")
    said = (card.name, card.version, card.digest, card.feature_set)
    if said != (version.name, version.version, version.digest, version.feature_set):
        raise Refused("card_of_another", f"the card of {_name(version)} describes another model or file")


def _was_champion(card: ModelCard) -> bool:
    return any(move.alias == CHAMPION and move.to_version == card.version for move in card.rollout)


def _evidence_holds(evidence: Evidence | None, version: Version, champion: str, floors: Floors) -> None:
    if evidence is None or evidence.mirrored == 0:
        raise Refused("never_mirrored", f"{_name(version)} was never mirrored beside champion {champion}")
    if (evidence.version, evidence.champion) != (version.version, champion):
        raise Refused(
            "evidence_of_another",
            f"the evidence compares {evidence.version} with {evidence.champion}, not {version.version} with {champion}",
        )
    if evidence.mirrored < floors.mirrored:
        raise Refused("too_few_mirrored", f"{evidence.mirrored} mirrored calls; {floors.mirrored} are needed")
    if not 0 <= evidence.errors <= floors.error_share * evidence.mirrored:
        raise Refused("too_many_errors", f"{evidence.errors} of {evidence.mirrored} mirrored calls failed")
    if not 0 <= evidence.disagreement <= floors.disagreement:
        raise Refused("too_much_disagreement", f"the best row differs in {evidence.disagreement:.1%} of the calls")


def _name(version: Version) -> str:
    return f"{version.name}/{version.version}"
