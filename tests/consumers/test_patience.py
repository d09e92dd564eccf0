"""When a reader that fails is an obstacle: not after one failure, but within a bounded time."""

from __future__ import annotations

import pytest
from oo_consumers.progress import PATIENCE, ReaderProgress


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def progress(clock):
    """Of two readers that have begun."""
    progress = ReaderProgress(clock=clock)
    progress.expect("signals", "feedback")
    progress.began("signals")
    progress.succeeded("feedback")
    return progress


def failing(progress, clock, seconds, every=1.0, why="NATS is away"):
    """It fails once at first, and again every so many seconds until the time is over."""
    for _ in range(int(seconds / every)):
        progress.failed("signals", why)
        clock.now += every
    progress.failed("signals", why)


def test_one_failure_is_no_obstacle_however_long_the_next_try_takes(progress, clock):
    progress.failed("signals", "NATS is away")

    assert progress.obstacle is None
    clock.now += 100 * PATIENCE
    assert progress.obstacle is None


def test_several_are_none_while_they_are_young(progress, clock):
    failing(progress, clock, PATIENCE - 1)

    assert progress.obstacle is None


def test_and_become_one_with_the_last_reason_when_they_last(progress, clock):
    failing(progress, clock, PATIENCE - 1)
    progress.failed("signals", "the database is away")

    clock.now += 1

    assert progress.obstacle == "signals: the database is away"


def test_who_gets_on_has_none_and_starts_to_count_anew(progress, clock):
    failing(progress, clock, PATIENCE)
    assert progress.obstacle is not None

    progress.succeeded("signals")

    assert progress.obstacle is None
    failing(progress, clock, PATIENCE - 1)
    assert progress.obstacle is None


def test_to_begin_again_is_not_to_get_on(progress, clock):
    for _ in range(2):
        progress.began("signals")
        progress.failed("signals", "the storage is full")
        clock.now += PATIENCE

    assert progress.obstacle == "signals: the storage is full"


def test_one_reader_that_gets_on_hides_no_other(progress, clock):
    failing(progress, clock, PATIENCE)

    progress.succeeded("feedback")

    assert progress.obstacle == "signals: NATS is away"


def test_who_has_never_begun_is_an_obstacle_from_the_start(clock):
    progress = ReaderProgress(clock=clock)
    progress.expect("signals", "feedback")
    assert progress.obstacle == "signals: has not begun"

    progress.failed("signals", "no route")
    assert progress.obstacle == "signals: no route"

    progress.began("signals")
    assert progress.obstacle == "feedback: has not begun"
    progress.began("feedback")
    assert progress.obstacle is None
