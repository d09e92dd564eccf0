"""The tags of a model version in MLflow: its digest and feature set, its card, and every move of an alias."""

from __future__ import annotations

from mlflow.entities.model_registry import ModelVersion
from pydantic import ValidationError

from oo_model_cards.card import ModelCard
from oo_model_cards.card_parts import AliasMove
from oo_model_cards.version import IncompleteVersion, RegisteredVersion

__all__ = [
    "CARD_TAG",
    "DIGEST_TAG",
    "FEATURE_SET_TAG",
    "next_move_tag",
    "registered_version",
    "tagged_card",
]

DIGEST_TAG = "oo.digest"
FEATURE_SET_TAG = "oo.feature_set"
CARD_TAG = "oo.card"
MOVE_TAG_PREFIX = "oo.rollout."


def registered_version(model_version: ModelVersion) -> RegisteredVersion:
    """Return the version that MLflow's tags describe.

    Raises:
        IncompleteVersion: it has no digest or no feature set.
    """
    digest, feature_set = model_version.tags.get(DIGEST_TAG), model_version.tags.get(FEATURE_SET_TAG)
    if not digest or not feature_set:
        raise IncompleteVersion(
            f"{model_version.name}/{model_version.version} has no digest or feature set: it was not published by oO"
        )
    return RegisteredVersion(
        model_version.name, str(model_version.version), digest, feature_set, model_version.run_id or ""
    )


def tagged_card(model_version: ModelVersion) -> ModelCard:
    """Return the card of a version, with its moves as its rollout history.

    Raises:
        IncompleteVersion: there is no card, or it is not one.
    """
    try:
        return ModelCard.model_validate_json(model_version.tags[CARD_TAG]).moved(*_moves(model_version))
    except (KeyError, ValidationError):
        raise IncompleteVersion(f"{model_version.name}/{model_version.version} has no readable card") from None


def next_move_tag(model_version: ModelVersion) -> str:
    """Return the name of the tag that the version's next move is written into."""
    return f"{MOVE_TAG_PREFIX}{len(_moves(model_version)) + 1:04d}"


def _moves(model_version: ModelVersion) -> tuple[AliasMove, ...]:
    return tuple(
        AliasMove.model_validate_json(text)
        for key, text in sorted(model_version.tags.items())
        if key.startswith(MOVE_TAG_PREFIX)
    )
