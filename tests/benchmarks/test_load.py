"""The loops: what is called when, and from which time a latency is measured."""

from __future__ import annotations

import asyncio
import sys
from time import perf_counter

import pytest
from oo_bench.interval_timer import KernelTicks, LoopTicks, interval_ticks
from oo_bench.load import ANSWERED, ClosedLoop, OpenLoop

STALL_S = 0.2


class Recorder:
    """A caller that notes when it was called; call number `stalled` holds up all that follow, as a busy server does."""

    def __init__(self, stalled=None, outcome=ANSWERED):
        self.times, self.stalled, self.outcome = [], stalled, outcome
        self.busy = asyncio.Lock()

    async def call(self):
        number = len(self.times)
        self.times.append(perf_counter())
        async with self.busy:
            await asyncio.sleep(STALL_S if number == self.stalled else 0)
        return self.outcome


async def test_an_open_loop_starts_as_many_calls_as_are_due():
    caller = Recorder()

    result = await OpenLoop(200).run(caller, 0.25)

    assert len(result.calls) == len(caller.times) == len(result.delays) == 50
    assert caller.times[-1] - caller.times[0] >= 49 / 200 - max(result.delays) / 1000


async def test_an_open_loop_does_not_wait_for_answers_and_sees_a_stall_in_every_call_that_was_due():
    caller = Recorder(stalled=10)

    result = await OpenLoop(200).run(caller, 0.25)

    held_up = [ms for _, ms in result.calls if ms > STALL_S * 1000 / 4]
    assert len(held_up) >= 20  # forty calls were due while it stalled


async def test_a_closed_loop_hardly_sees_a_stall():
    """That is coordinated omission: one caller waits, and what it does not send is not measured."""
    result = await ClosedLoop(1).run(Recorder(stalled=10), 2 * STALL_S)

    assert sum(ms > STALL_S * 1000 / 4 for _, ms in result.calls) < len(result.calls) / 10


async def test_a_latency_counts_from_the_intended_start_though_the_client_was_late():
    class Blocking(Recorder):
        async def call(self):
            outcome = await super().call()
            if len(self.times) == 1:
                end = perf_counter() + STALL_S
                while perf_counter() < end:  # the client itself is busy, and starts later calls late
                    pass
            return outcome

    result = await OpenLoop(100).run(Blocking(), 0.1)

    assert max(result.delays) > STALL_S * 500
    assert all(ms >= delay for (_, ms), delay in zip(result.calls, result.delays, strict=True))


async def test_calls_without_an_answer_are_late():
    class Silent(Recorder):
        async def call(self):
            await asyncio.sleep(60)

    result = await OpenLoop(100, drain_s=0.05).run(Silent(), 0.05)

    assert [outcome for outcome, _ in result.calls] == ["late"] * 5


async def test_as_many_callers_of_a_closed_loop_wait_at_once():
    class Waiting:
        now = most = 0

        async def call(self):
            self.now += 1
            self.most = max(self.most, self.now)
            await asyncio.sleep(0.01)
            self.now -= 1
            return ANSWERED

    caller = Waiting()
    await ClosedLoop(7).run(caller, 0.05)

    assert caller.most == 7


@pytest.mark.parametrize("ticks", [LoopTicks, KernelTicks])
async def test_ticks_count_what_was_slept_through(ticks):
    if ticks is KernelTicks and sys.platform != "linux":
        pytest.skip("timerfd is Linux's")
    begin = perf_counter() + 0.01
    timer = ticks(begin, 0.01)

    assert await timer.wait() >= 1
    await asyncio.sleep(0.05)
    assert await timer.wait() >= 4
    if ticks is KernelTicks:
        timer.close()


async def test_ticks_do_not_drift():
    begin, count = perf_counter() + 0.01, 0
    with interval_ticks(begin, 0.003) as ticks:
        while count < 50:
            count += await ticks.wait()
            assert perf_counter() >= begin + (count - 1) * 0.003


def test_loads_have_names():
    assert [load.name for load in (ClosedLoop(1), ClosedLoop(16), OpenLoop(300))] == [
        "closed-1",
        "closed-16",
        "open-300",
    ]
