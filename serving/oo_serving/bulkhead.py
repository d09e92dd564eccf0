"""This module is a bulkhead: a process of its own works on large calls, so that small ones do not wait.

Steps and turns share one event loop fairly, but a step of some milliseconds is what a small call takes as a whole. So
the process that listens, the front, forks before it starts its loop, and passes large calls on by HTTP, unparsed.
Memory is shared until it is written to. What the front forks is a supervisor, which does nothing but fork the worker,
and fork it again when it has died, like a server's master process.
"""

from __future__ import annotations

import asyncio
import logging
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from oo_serving.body import IDENTITY, count_values
from oo_serving.connection_pool import ConnectionPool
from oo_serving.pace import MIN_WEIGHT_IN_TURNS, weight
from oo_serving.problem_response import Response, unavailable
from oo_serving.request_head import Headers, is_header_value
from oo_serving.upstream_connection import UpstreamResponse

__all__ = ["Bulkhead", "Worker"]

log = logging.getLogger(__name__)

MAX_SMALL_BYTES = 128 << 10  # of a body that the front answers itself
MAX_SMALL_VALUES = 8_192  # commas and brackets in it
NICENESS = 19  # of the worker, where the system has no idle priority
RESTART_DELAY_S = 0.5
STOP_TIMEOUT_S = 25.0  # then the supervisor kills a worker that has not ended; Kubernetes kills both after 30
ANSWER_TIMEOUT_S = 30.0
MAX_PASSED_ON = 32  # calls at the worker, whose bodies both processes hold; more are refused at once
OF_ONE_HOP = {  # RFC 9110, 7.6.1
    *(b"connection", b"content-length", b"host", b"expect", b"keep-alive", b"te", b"trailer", b"transfer-encoding"),
    *(b"upgrade", b"proxy-connection", b"proxy-authorization", b"proxy-authenticate"),
}
ADDED_BY_THE_FRONT = {b"date", b"server", b"content-type"}


@dataclass(frozen=True, slots=True)
class Worker:
    """The inputs of the worker process.

    They are the socket on which calls come in, and the reading end of a pipe that ends with the front.
    """

    listener: socket.socket
    front_pipe: int

    def watch(self) -> None:
        """Stop as if by a signal when the front is gone; to be called inside the loop."""
        loop = asyncio.get_running_loop()

        def stop() -> None:
            loop.remove_reader(self.front_pipe)
            os.kill(os.getpid(), signal.SIGTERM)

        loop.add_reader(self.front_pipe, stop)


@dataclass(slots=True)
class Bulkhead:
    """The front's side of the bulkhead.

    `front_pipe` is the writing end of a pipe: when its last copy is closed, even by a crash of the front, supervisor
    and worker end.
    """

    pool: ConnectionPool
    supervisor_pid: int
    front_pipe: int
    passed_on: int = 0

    @classmethod
    def fork(cls, work: Callable[[Worker], None]) -> Self:
        """Fork supervisor and worker; `work` serves until a signal.

        To be called before any thread or loop is started: a fork has none of the threads, and must not share a loop.
        """
        listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        reading, writing = os.pipe()
        supervisor_pid = os.fork()
        if supervisor_pid == 0:
            os.close(writing)  # else the supervisor would keep the pipe open itself, and never see its end
            _supervise(Worker(listener, reading), work)
        os.close(reading)
        port = listener.getsockname()[1]
        listener.close()  # the worker alone accepts calls on it; the front only connects
        return cls(ConnectionPool(f"http://127.0.0.1:{port}"), supervisor_pid, writing)

    def takes(self, body: Sequence[bytes], headers: Mapping[bytes, bytes]) -> bool:
        """Whether this body, as it was sent, is for the worker."""
        return not _is_small(body, headers) and self.has_supervisor()

    def has_supervisor(self) -> bool:
        """Whether the supervisor lives.

        When somebody has killed it, the front does all work itself, in steps and turns.
        """
        if self.supervisor_pid and os.waitpid(self.supervisor_pid, os.WNOHANG)[0]:
            log.error("the supervisor of the process for large calls is gone; they are worked on here")
            self.supervisor_pid = 0
        return self.supervisor_pid != 0

    async def pass_on(self, path: str, body: Sequence[bytes], headers: Mapping[bytes, bytes]) -> Response:
        """Return the worker's reply, or a 503 when it gives none or has too many calls already."""
        if self.passed_on >= MAX_PASSED_ON:
            return unavailable("too many large calls wait already")
        self.passed_on += 1
        try:
            return _reply(await self.pool.call(b"POST", path, body, _forwarded_headers(headers), ANSWER_TIMEOUT_S))
        except OSError as error:
            log.warning("%s: the process for large calls did not answer: %r", path, error)
            return unavailable("large calls cannot be answered now")
        finally:
            self.passed_on -= 1

    async def metrics(self) -> str:
        """Return the worker's metrics in Prometheus' text format, or nothing while the worker is not there."""
        try:
            return (await self.pool.call(b"GET", "/metrics", (), (), 1.0)).body.decode()
        except OSError as error:
            log.warning("the process for large calls told no metrics: %r", error)
            return ""

    def release(self) -> None:
        """Let supervisor and worker end; the worker still publishes what is in its outbox."""
        self.pool.close()
        if self.front_pipe:
            os.close(self.front_pipe)
            self.front_pipe = 0

    async def stop(self) -> None:
        """Let supervisor and worker end, and wait for them."""
        self.release()
        if self.has_supervisor():
            await asyncio.to_thread(os.waitpid, self.supervisor_pid, 0)
            self.supervisor_pid = 0


def _is_small(body: Sequence[bytes], headers: Mapping[bytes, bytes]) -> bool:
    if sum(map(len, body)) > MAX_SMALL_BYTES or headers.get(b"content-encoding", b"") not in IDENTITY:
        return False
    text = b"".join(body)
    return weight(text) < MIN_WEIGHT_IN_TURNS and count_values(text) <= MAX_SMALL_VALUES


def _forwarded_headers(headers: Mapping[bytes, bytes]) -> Headers:
    return [(name, value) for name, value in headers.items() if name not in OF_ONE_HOP and is_header_value(value)]


def _reply(answer: UpstreamResponse) -> Response:
    headers = tuple(
        (name, value)
        for name, value in answer.headers.items()
        if name not in OF_ONE_HOP and name not in ADDED_BY_THE_FRONT
    )
    return Response(answer.body, answer.status, answer.headers.get(b"content-type", b"application/json"), headers)


def _supervise(worker: Worker, work: Callable[[Worker], None]) -> None:
    """Fork workers, one after another, until the front is gone. This function never returns."""
    for number in (signal.SIGINT, signal.SIGTERM):  # a terminal signals all; only the front's end ends us
        signal.signal(number, signal.SIG_IGN)
    while True:
        worker_ended, held_by_worker = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(worker_ended)
            _work(worker, work)
        os.close(held_by_worker)
        ended, _, _ = select.select([worker.front_pipe, worker_ended], [], [])
        if worker.front_pipe in ended:
            _end(pid, worker_ended)
            os._exit(0)
        os.close(worker_ended)
        _, status = os.waitpid(pid, 0)
        log.error("the process for large calls ended by itself (%s); another one is started", _exit_reason(status))
        time.sleep(RESTART_DELAY_S)


def _work(worker: Worker, work: Callable[[Worker], None]) -> None:
    """Serve as the worker. This function never returns: the front's own stack must not be unwound in this process."""
    code = 1
    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        _compute_when_idle()
        work(worker)
        code = 0
    except Exception:  # the outermost frame of this process
        log.exception("the process for large calls failed")
    finally:
        os._exit(code)


def _compute_when_idle() -> None:
    """Let anybody else on this machine have a core at once.

    A high niceness alone would let us finish our time slice.
    """
    os.nice(NICENESS)
    if sys.platform == "linux":
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def _end(pid: int, worker_ended: int) -> None:
    """Wait for the worker, which sees the end of the pipe as well; kill it when it does not end in time."""
    ended, _, _ = select.select([worker_ended], [], [], STOP_TIMEOUT_S)
    if not ended:
        os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def _exit_reason(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    return f"signal {-code}" if code < 0 else f"exit code {code}"
