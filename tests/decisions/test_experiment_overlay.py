"""Definitions of a bucket over those of files; one that cannot be used leaves the one before it in force."""

from __future__ import annotations

import pytest
from example_experiments import experiment
from hypothesis import given
from hypothesis import strategies as st
from oo_cli.app import app
from oo_contracts.subjects import EXPERIMENTS_BUCKET
from oo_decisions.experiment_overlay import ExperimentOverlay, active_experiments, definitions_by_key
from oo_experiments.assignment.experiment import Holdout, load_experiments
from real_nats import Nats
from typer.testing import CliRunner

BAD = (b"", b"{}", b'{"key": "tone"}', b"\xff")
GOOD = tuple(experiment("tone", coverage=share).model_dump_json().encode() for share in (0.1, 0.5, 0.9))


def coverage(overlay):
    return {key: item.coverage for key, item in overlay.in_force.items()}


def test_a_definition_of_the_bucket_takes_the_place_of_the_files():
    files = {"tone": experiment("tone"), "holdout": Holdout(share=0.5), "other": experiment("other")}
    stopped = experiment("tone", status="stopped").model_dump_json().encode()

    found = active_experiments(
        ExperimentOverlay().updated({"tone": [stopped], "holdout": [b'{"share": 0}']}).over(files)
    )

    assert [(item.key, item.status) for item in found.experiments] == [("other", "running"), ("tone", "stopped")]
    assert found.holdout == Holdout(share=0.0)


@given(st.lists(st.sampled_from(["b", "a", "c"]), unique=True))
def test_which_experiment_comes_first_does_not_depend_on_where_it_is_from(keys):
    bucket = {key: [experiment(key).model_dump_json().encode()] for key in keys}

    found = active_experiments(ExperimentOverlay().updated(bucket).over({"b": experiment("b")}))

    assert [item.key for item in found.experiments] == sorted({"b", *keys})


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_definition_leaves_the_earlier_one(bad):
    known = ExperimentOverlay().updated({"tone": [GOOD[0]]}).updated({"tone": [bad]})
    read = ExperimentOverlay().updated({"tone": [bad, GOOD[0]]})

    assert known == read
    assert coverage(known) == {"tone": 0.1}
    assert list(known.refused) == ["tone"]


def test_a_bad_definition_without_an_earlier_one_leaves_the_files():
    files = {"tone": experiment("tone")}

    assert ExperimentOverlay().updated({"tone": [b"{}"]}).over(files) == files
    assert ExperimentOverlay().updated({"tone": [GOOD[0]]}).updated({}).over(files) == files


def test_a_prompt_version_that_does_not_exist_is_as_bad():
    new, old = (experiment("words", about="prompts", prompts=names) for names in (["v1", "v9"], ["v1", "v2"]))
    revisions = {"words": [item.model_dump_json().encode() for item in (new, old)]}

    assert ExperimentOverlay().updated(revisions, frozenset({"v1", "v2"})).in_force == {"words": old}
    assert ExperimentOverlay().updated(revisions).in_force == {"words": new}


@given(st.lists(st.sampled_from([*GOOD, *BAD]), min_size=1))
def test_who_watched_and_who_has_just_started_see_the_same(history):
    watched = ExperimentOverlay()
    for value in history:
        watched = watched.updated({"tone": [value]})

    assert watched == ExperimentOverlay().updated({"tone": history[::-1]})


def _listed(server):
    return CliRunner().invoke(app, ["experiment", "list", "--nats-url", server.url])


@pytest.mark.real
def test_the_list_shows_what_the_transformers_see(tmp_path):
    """They saw the good definition, and then one that somebody wrote past the command."""
    server = Nats(tmp_path)
    server.start()
    try:
        server.put(EXPERIMENTS_BUCKET, "tone", GOOD[2])
        server.put(EXPERIMENTS_BUCKET, "tone", b"{}")
        shown = _listed(server)
        server.put(EXPERIMENTS_BUCKET, "tone", None)
        server.put(EXPERIMENTS_BUCKET, "tone", b"{}")
        dropped = _listed(server)
    finally:
        server.stop()

    assert ("tone" in shown.stdout, "90% of users" in shown.stdout) == (True, True), shown.output
    assert "left as it was: experiment tone" in shown.stderr
    assert "90% of users" not in dropped.stdout  # what stood before it was dropped stands no more


def test_the_files_are_in_force_by_themselves():
    assert [item.key for item in active_experiments(definitions_by_key(*load_experiments())).experiments] == [
        "exploration-2026-11"
    ]
