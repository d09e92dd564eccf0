"""The gate refuses with the one right reason, and records what it lets through."""

from __future__ import annotations

import dataclasses

import defective_graphs
import pytest
from example_models import NOW, card, parts
from oo_model_cards import gate
from oo_model_cards.card import ModelCard
from oo_model_cards.card_parts import AliasMove
from oo_model_cards.errors import (
    DigestMismatch,
    InvalidModelOutput,
    NoManifest,
    NotFinite,
    OtherModel,
    OutOfRange,
    TooLarge,
    TooSlow,
    UntrustedContent,
)
from oo_model_cards.gate import Evidence, PromotionRefused, promote
from oo_model_cards.version import RegisteredVersion


class Shelf:
    """A registry in memory."""

    def __init__(self):
        self.cards, self.at, self.unserved = {}, {}, {}

    def add(self, number, change=None):
        version = RegisteredVersion("tip-ranker", number, number * 64, "ranker-v1@0123456789abcdef", "run")
        whole = card().published(number, version.digest, version.feature_set, NOW)
        self.cards[number] = whole.model_copy(update=change or {})
        return version

    def aliases(self, name):
        return dict(self.at)

    def card(self, version) -> ModelCard:
        return self.cards[version.version]

    def inspect(self, version):
        if version.version in self.unserved:
            raise self.unserved[version.version]

    def move(self, version, move: AliasMove):
        for number in {move.from_version, move.to_version} - {None}:
            self.cards[number] = self.cards[number].moved(move)
        self.at[move.alias] = move.to_version


def ask(shelf, version, alias="champion", evidence=None):
    return promote(shelf, version, alias, evidence, by="a person", reason="it is better", at=NOW)


def good(**other):
    said = {"version": "2", "champion": "1", "mirrored": 500, "errors": 0, "disagreement": 0.2}
    return Evidence(**said | other)


@pytest.fixture
def shelf():
    """Version 1 is champion; version 2 wants to be."""
    shelf = Shelf()
    ask(shelf, shelf.add("1"))
    return shelf


def test_the_first_champion_needs_no_evidence(shelf):
    assert shelf.at == {"champion": "1"}
    assert shelf.cards["1"].rollout[0].from_version is None


def test_a_mirrored_version_becomes_champion_and_both_cards_tell(shelf):
    move = ask(shelf, shelf.add("2"), evidence=good())

    assert shelf.at == {"champion": "2"}
    assert (move.from_version, move.to_version, move.evidence["mirrored"]) == ("1", "2", 500)
    assert shelf.cards["1"].rollout[-1] == shelf.cards["2"].rollout[-1] == move


@pytest.mark.parametrize(
    ("evidence", "reason"),
    [
        (None, "never_mirrored"),
        (good(mirrored=0), "never_mirrored"),
        (good(version="3"), "evidence_of_another"),
        (good(champion="9"), "evidence_of_another"),
        (good(mirrored=199), "too_few_mirrored"),
        (good(errors=6), "too_many_errors"),
        (good(errors=-1), "too_many_errors"),
        (good(disagreement=0.95), "too_much_disagreement"),
        (good(disagreement=float("nan")), "too_much_disagreement"),
    ],
)
def test_each_lack_of_evidence_has_its_one_reason(shelf, evidence, reason):
    with pytest.raises(PromotionRefused) as refused:
        ask(shelf, shelf.add("2"), evidence=evidence)

    assert refused.value.reason == reason
    assert shelf.at == {"champion": "1"}
    assert shelf.cards["2"].rollout == ()


@pytest.mark.parametrize("alias", ["champion", "challenger", "anything"])
def test_an_incomplete_card_gets_no_alias_at_all(shelf, alias):
    incomplete = shelf.add("2", {"calibration": None})

    with pytest.raises(PromotionRefused, match="calibration: missing") as refused:
        ask(shelf, incomplete, alias, good())

    assert refused.value.reason == "card_incomplete"


@pytest.mark.parametrize(
    "change", [{"name": "other"}, {"version": "7"}, {"digest": "f" * 64}, {"feature_set": "ranker-v1@ffffffffffffffff"}]
)
def test_a_card_of_something_else_gets_no_alias(shelf, change):
    with pytest.raises(PromotionRefused) as refused:
        ask(shelf, shelf.add("2", change), evidence=good())

    assert refused.value.reason == "card_of_another"


@pytest.mark.parametrize("alias", ["champion", "challenger"])
@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (NotFinite, "not_finite"),
        (OutOfRange, "out_of_range"),
        (OtherModel, "another_model"),
        (TooSlow, "too_slow"),
        (InvalidModelOutput, "not_a_ranker"),
        (UntrustedContent, "folder_refused"),
        (DigestMismatch, "folder_refused"),
        (TooLarge, "folder_refused"),
        (NoManifest, "folder_refused"),
    ],
)
def test_what_no_predictor_would_serve_gets_no_alias(shelf, kind, reason, alias):
    second = shelf.add("2")
    shelf.unserved["2"] = kind("it gives nan")

    with pytest.raises(PromotionRefused, match="tip-ranker/2 would not be served: it gives nan") as refused:
        ask(shelf, second, alias, good())

    assert refused.value.reason == reason
    assert shelf.at == {"champion": "1"}


def test_a_former_champion_that_would_not_be_served_any_more_is_no_rollback(shelf):
    first = RegisteredVersion("tip-ranker", "1", "1" * 64, "ranker-v1@0123456789abcdef", "run")
    ask(shelf, shelf.add("2"), evidence=good())
    shelf.unserved["1"] = DigestMismatch("model.onnx was changed")

    with pytest.raises(PromotionRefused, match=r"model\.onnx was changed"):
        ask(shelf, first)

    assert shelf.at == {"champion": "2"}


def test_a_challenger_needs_no_evidence_for_users_do_not_see_it(shelf):
    ask(shelf, shelf.add("2"), "challenger")

    assert shelf.at == {"champion": "1", "challenger": "2"}


def test_having_been_challenger_is_no_evidence(shelf):
    second = shelf.add("2")
    ask(shelf, second, "challenger")

    with pytest.raises(PromotionRefused) as refused:
        ask(shelf, second)

    assert refused.value.reason == "never_mirrored"


def test_a_rollback_to_a_former_champion_needs_no_evidence(shelf):
    first = RegisteredVersion("tip-ranker", "1", "1" * 64, "ranker-v1@0123456789abcdef", "run")
    ask(shelf, shelf.add("2"), evidence=good())

    ask(shelf, first)

    assert shelf.at == {"champion": "1"}
    assert [move.to_version for move in shelf.cards["1"].rollout] == ["1", "2", "1"]


def test_an_alias_that_is_there_already_moves_nothing(shelf):
    first = RegisteredVersion("tip-ranker", "1", "1" * 64, "ranker-v1@0123456789abcdef", "run")

    assert ask(shelf, first) is None
    assert len(shelf.cards["1"].rollout) == 1


@pytest.mark.real
def test_the_gate_on_a_real_registry_writes_history_that_is_read_back(registry, name):
    first = registry.publish(parts(), name, card(name=name), at=NOW)
    second = registry.publish(parts(), name, card(name=name), at=NOW)
    ask(registry, first)
    with pytest.raises(PromotionRefused):
        ask(registry, second)

    ask(registry, second, evidence=good())

    assert registry.resolve(f"{name}@{gate.CHAMPION}") == second
    assert [(move.from_version, move.to_version) for move in registry.card(first).rollout] == [(None, "1"), ("1", "2")]
    assert [move.evidence["mirrored"] for move in registry.card(second).rollout] == [500]


@pytest.mark.real
def test_an_incomplete_card_is_stored_and_gets_no_alias_on_a_real_registry(registry, name):
    version = registry.publish(parts(), name, card(name=name, slices=()), at=NOW)

    with pytest.raises(PromotionRefused, match="slices: missing"):
        ask(registry, version)

    assert registry.aliases(name) == {}


@pytest.mark.real
@pytest.mark.parametrize(
    ("graph", "reason"),
    [
        (defective_graphs.of_another_model, "another_model"),
        (defective_graphs.nan_somewhere, "not_finite"),
        (defective_graphs.out_of_range, "out_of_range"),
        (defective_graphs.slow, "too_slow"),
    ],
)
def test_a_published_graph_that_is_not_what_was_judged_gets_no_alias(local_registry, graph, reason, name):
    changed = dataclasses.replace(parts(), onnx=graph())
    version = local_registry.publish(changed, name, card(name=name), at=NOW)

    for alias in ("challenger", "champion"):
        with pytest.raises(PromotionRefused) as refused:
            ask(local_registry, version, alias)
        assert refused.value.reason == reason

    assert local_registry.aliases(name) == {}
