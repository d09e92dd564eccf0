"""Rounds: what is measured of a step, and what happens when a side is gone."""

from __future__ import annotations

import asyncio

import pytest
from oo_bench.chains.side import Side, VerificationFailed
from oo_bench.load import ANSWERED, ClosedLoop, OpenLoop
from oo_bench.plan import Step
from oo_bench.processes import ProcessEnded
from oo_bench.rounds import Rounds


class Echo:
    """A caller that is answered at once."""

    async def call(self):
        await asyncio.sleep(0)
        return ANSWERED


async def connect(_):
    return Echo()


def dead():
    raise ProcessEnded("predictor ended with exit code 1")


def alive():
    pass


async def test_every_round_of_a_step_is_kept():
    side, rounds = Side("echo", "an echo", connect), Rounds(0.05, alive)
    await rounds.warm_up([side], [10])

    for number in range(3):
        await rounds.measure(Step(number, side, OpenLoop(100), 10))
    await rounds.measure(Step(0, side, ClosedLoop(1), 10))

    found = {(item.load, len(item.rounds), item.missed == {}) for item in rounds.measurements()}
    assert found == {("open-100", 3, True), ("closed-1", 1, True)}
    assert set(rounds.measurements()[0].cpu_ms) == {"client"}


async def test_what_happens_after_the_answers_is_waited_for():
    settled = []

    async def settle():
        settled.append(True)

    side, rounds = Side("echo", "an echo", connect, settle=settle), Rounds(0.02, alive)
    await rounds.warm_up([side], [10])
    await rounds.measure(Step(0, side, ClosedLoop(1), 10))

    assert len(settled) == 2


async def test_a_process_that_ended_ends_the_run_before_anybody_waits_for_its_work():
    async def settle():
        pytest.fail("waited")

    side, rounds = Side("echo", "an echo", connect, settle=settle), Rounds(0.02, dead)
    rounds.callers["echo", 10] = Echo()

    with pytest.raises(ProcessEnded, match="exit code 1"):
        await rounds.measure(Step(0, side, ClosedLoop(1), 10))


async def test_a_side_that_does_not_answer_is_named():
    async def refused(_):
        raise ConnectionRefusedError

    with pytest.raises(VerificationFailed, match=r"an echo does not answer: ConnectionRefusedError"):
        await Rounds(0.02, alive).warm_up([Side("echo", "an echo", refused)], [10])
