"""A card knows what it lacks, field by field, and reads well."""

from __future__ import annotations

import pytest
from example_models import NOW, card
from oo_model_cards.card import ModelCard
from oo_model_cards.card_parts import AliasMove, Calibration, Estimate, Input, Metric, Slice
from oo_model_cards.human_section import HumanSection, human_section
from oo_model_cards.render import markdown
from pydantic import ValidationError

WRONG = Estimate(value=0.9, low=0.1, high=0.2)


def published(**other):
    return card(**other).published("1", "0" * 64, "ranker-v1@0123456789abcdef", NOW)


def test_a_published_card_with_everything_lacks_nothing():
    assert published().problems() == ()


def test_an_empty_card_lacks_everything():
    found = {problem.split(":")[0] for problem in ModelCard(name="x").problems()}

    assert found >= {"version", "digest", "feature_set", "published_at", "inputs", "metrics", "slices"}
    assert found >= {"calibration", "training", "human.purpose", "human.owners", "human.limits"}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"version": ""}, "version: missing"),
        ({"digest": "abc"}, "digest: not a SHA-256"),
        ({"feature_set": "ranker-v1"}, "feature_set: not a name@fingerprint"),
        ({"published_at": None}, "published_at: missing"),
        ({"inputs": ()}, "inputs: missing"),
        ({"inputs": (Input(name="a"), Input(name="a"))}, "inputs: a name twice"),
        ({"inputs": (Input(name="a", dtype="text"),)}, "inputs.a: unknown dtype text"),
        ({"slices": ()}, "slices: missing"),
        ({"calibration": None}, "calibration: missing"),
        ({"training": None}, "training: missing"),
    ],
)
def test_each_part_that_is_missing_is_named(change, named):
    assert named in published().model_copy(update=change).problems()


@pytest.mark.parametrize("field", ["title", "purpose", "users", "out_of_scope", "limits", "fairness", "owners"])
@pytest.mark.parametrize("said", [None, "  ", "TODO: say it"])
def test_what_a_person_did_not_say_is_named(field, said):
    kind = type(getattr(human_section("tip-ranker"), field))
    value = kind() if said is None else (said if kind is str else (said,))

    incomplete = published(human=human_section("tip-ranker").model_copy(update={field: value}))

    assert [problem.split(":")[0] for problem in incomplete.problems()] == [f"human.{field}"]


def test_a_metric_whose_interval_lies_is_named():
    metrics = (Metric(name="auc", estimate=WRONG, n=9), Metric(name="log_loss", estimate=WRONG, n=0))

    found = published(metrics=metrics).problems()

    assert "metrics.auc: the interval does not hold the value" in found
    assert "metrics.log_loss: no rounds" in found


def test_an_expected_metric_or_slice_that_is_missing_is_named():
    known = published()

    fewer = known.model_copy(update={"metrics": known.metrics[:1], "slices": known.slices[:1]})

    assert set(fewer.problems()) == {"metrics.auc: missing", "slices.profile: missing", "slices.task_volume: missing"}


def test_a_slice_without_enough_data_is_said_and_is_no_problem():
    known = published()

    assert known.slices[-1].estimate is None
    assert known.problems() == ()
    assert "| profile | without profile | auc | not enough data | 3 |" in markdown(known)


def test_a_slice_whose_estimate_comes_from_nowhere_is_named():
    some = Estimate(value=0.5, low=0.4, high=0.6)
    bad = (Slice(by="profile", group="a", metric="auc", n=0, estimate=some),)

    assert "slices.profile.a: an estimate from no rounds" in published(slices=bad).problems()


def test_a_calibration_without_its_table_is_named():
    bare = Calibration(ece=WRONG, bins=())

    found = published(calibration=bare).problems()

    assert {"calibration.bins: missing", "calibration.ece: the interval does not hold the value"} <= set(found)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"end": NOW.replace(year=2020)}, "training.start: not before the end"),
        ({"users": 0}, "training.users: none"),
        ({"test_rounds": 0}, "training.test_rounds: none"),
        ({"rewarded": 301}, "training.rewarded: more than rounds"),
    ],
)
def test_training_data_that_cannot_be_is_named(change, named):
    training = card().training.model_copy(update=change)

    assert named in published(training=training).problems()


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_number_that_is_not_finite_never_gets_into_a_card(value):
    with pytest.raises(ValidationError):
        Estimate(value=value, low=0, high=1)


def test_a_card_survives_its_json():
    known = published().moved(
        AliasMove(
            at=NOW, by="a", alias="champion", from_version=None, to_version="1", reason="b", evidence={"mirrored": 9}
        )
    )

    assert ModelCard.model_validate_json(known.model_dump_json()) == known


def test_what_is_missing_stands_at_the_top_of_the_page():
    page = markdown(published().model_copy(update={"calibration": None}))

    assert page.index("calibration: missing") < page.index("## Not for")


def test_text_cannot_break_out_of_its_cell():
    said = human_section("tip-ranker").model_copy(update={"owners": ("a | b\n| <script> |",)})

    page = markdown(published(human=said))

    assert "| Owners | a \\| b \\| &lt;script> \\| |" in page


def test_nobody_has_written_the_human_part_of_an_unknown_model():
    with pytest.raises(FileNotFoundError):
        human_section("unheard-of")


def test_a_misspelt_field_of_the_human_part_is_an_error():
    with pytest.raises(ValidationError):
        HumanSection.model_validate({"purpse": "x"})
