"""Ports that are free, and things that become true after a while."""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import signal
import socket
import time

__all__ = ["eventually", "free_port", "free_span", "listens", "stopped"]


PORTS = range(10_000, 18_000)  # below those that connections are given: none takes a port before its server does
SPANS = range(18_000, 32_000, 40)  # a stack's ports are offsets from its first one
WORKERS = 4  # that look for spans in parts of their own; a fifth shares the first one's
_turns = itertools.count(random.randrange(len(PORTS)))


def free_port():
    """One that nobody has, and that nobody else was told."""
    for turn in itertools.islice(_turns, len(PORTS)):
        port = PORTS[turn % len(PORTS)]
        if is_free(port):
            return port
    raise RuntimeError("no free port")


def free_span():
    """A port from which forty are free; workers that look at the same time are told different ones."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    for port in SPANS[worker % WORKERS :: WORKERS]:
        if all(is_free(port + offset) for offset in range(SPANS.step)):
            return port
    raise RuntimeError("no free ports")


def is_free(port):
    with socket.socket() as probe, contextlib.suppress(OSError):
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))
        return True
    return False


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def eventually(ask, patience=20.0, every=0.05):
    """The first truthy answer within the time; the last answer when it ran out."""
    end = time.monotonic() + patience
    while not (answer := ask()) and time.monotonic() < end:
        time.sleep(every)
    return answer


@contextlib.contextmanager
def stopped(pids):
    """Processes that go on when the block is left."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):  # it was killed meanwhile
                os.kill(pid, signal.SIGCONT)
