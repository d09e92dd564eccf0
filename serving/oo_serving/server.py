"""This module starts KServe's servers as measured to be quickest: uvloop, no access logs, a fast path.

Import it only after the process's own arguments are parsed: KServe parses `sys.argv` when it is imported.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import signal
import socket
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from typing import Any

import uvicorn
import uvloop
from oo_contracts import logs
from prometheus_client import CONTENT_TYPE_LATEST

from oo_serving.admission import Admission
from oo_serving.asgi import FastPathMiddleware, kserve_routes
from oo_serving.body import BodyLimits
from oo_serving.bulkhead import Bulkhead, Worker
from oo_serving.fast_path import FastPath, Routes, UnansweredHook
from oo_serving.fast_path_protocol import FastPathProtocol
from oo_serving.kserve_import import kserve_model
from oo_serving.metrics import exposition
from oo_serving.problem_response import Response
from oo_serving.request import Request

__all__ = ["Ports", "log_to_stderr", "serve"]

log = logging.getLogger(__name__)

KEEP_ALIVE_S = 65  # seconds an idle connection is kept; callers let go earlier
GRACE_PERIOD_S = 20  # seconds for calls in flight when stopped; then the outbox has 5; Kubernetes kills after 30
APP = "kserve.model_server:app"


@dataclass(frozen=True, slots=True)
class Ports:
    """The addresses to listen on, by HTTP and by gRPC."""

    http: int
    host: str = "0.0.0.0"  # noqa: S104  # inside a pod; the embedded stack gives loopback
    grpc: int | None = None
    shadow: int | None = None  # a second HTTP port, for mirrored copies: a handler sees which one a call came in by


def log_to_stderr(level: int = logging.INFO) -> None:
    """Log to stderr, one line for each event, and from libraries only warnings and errors."""
    logs.log_to_stderr(level)
    for name in ("kserve", "kserve.trace", "uvicorn", "uvicorn.access", "uvicorn.error", "httpx", "nats"):
        logging.getLogger(name).setLevel(logging.WARNING)


def serve(
    models: Sequence[Any],
    routes: Routes,
    ports: Ports,
    lifetime: contextlib.AbstractAsyncContextManager[object],
    *,
    limits: BodyLimits,
    unanswered: UnansweredHook | None = None,
    bulkhead: bool = False,
    tensor_routes: frozenset[str] = frozenset(),
    admission: Admission | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT: stop listening, finish the calls in flight, leave `lifetime`, return.

    `lifetime` is entered before the port opens (start an outbox, warm up) and left after the last call is answered.
    With `bulkhead` a second process answers large calls; it has a copy of everything, and enters `lifetime` too. On the
    `tensor_routes` the raw bytes of tensors may follow the JSON. On the paths of `admission` a call needs a place.
    """
    kserve_model()
    gc.collect()
    # What lives until the end need not be searched: garbage collections made the slowest calls. Before a fork it also
    # keeps memory shared, for a collection writes to every object that it visits.
    gc.freeze()
    service = _Service(models, routes, ports, lifetime, limits, unanswered, tensor_routes, admission or {})
    if bulkhead:
        service.front = Bulkhead.fork(service.work)
    service.run()


@dataclass(slots=True)
class _Service:
    """The service of one process, the one that listens or its worker."""

    models: Sequence[Any]
    routes: Routes
    ports: Ports
    lifetime: contextlib.AbstractAsyncContextManager[object]
    limits: BodyLimits
    unanswered: UnansweredHook | None
    tensor_routes: frozenset[str]
    admission: Admission
    front: Bulkhead | None = None
    worker: Worker | None = None

    def work(self, worker: Worker) -> None:
        """Answer large calls, as the worker."""
        self.worker = worker
        self.run()

    def run(self) -> None:
        """Serve until a signal, in a loop of uvloop."""
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        from kserve import model_server  # noqa: PLC0415  # see the module's docstring
        from kserve.protocol.rest.server import RESTServer  # noqa: PLC0415

        ports = self.ports
        server = model_server.ModelServer(http_port=ports.http, enable_grpc=False, enable_latency_logging=False)
        for model in self.models:
            model.enable_latency_logging = False
            server.register_model(model)
        server.dataplane.metadata = partial(_metadata, ["binary_tensor_data"] if self.tensor_routes else [])
        rest = RESTServer(
            APP, server.dataplane, server.model_repository_extension, ports.http, grace_period=GRACE_PERIOD_S
        )
        passed = kserve_routes(model.name for model in self.models)
        fast_path = FastPath(
            self._routes(), self.limits, self.unanswered, self.front, self.tensor_routes, self.admission
        )
        rest.config.app = FastPathMiddleware(model_server.app, fast_path, passed)
        rest.config.http = FastPathProtocol.factory(fast_path)
        rest.config.host = ports.host
        rest.config.access_log = rest.config.proxy_headers = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _leave_to_uvicorn)
        async with self._front_stopped(), self.lifetime, _grpc(server.dataplane, ports):
            rest.create_application()
            if self.worker is not None:
                self.worker.watch()
            await uvicorn.Server(rest.config).serve(self._listeners())
            if self.front is not None:
                self.front.release()  # its outbox empties while ours does

    def _listeners(self) -> list[socket.socket]:
        if self.worker is not None:
            return [self.worker.listener]
        log.info("listening on %s:%d", self.ports.host, self.ports.http)
        return [_bind(self.ports.host, port) for port in _http(self.ports)]

    def _routes(self) -> Routes:
        """Return the routes, with a page of metrics that joins the worker's where there is one."""
        front = self.front
        if front is None:
            return self.routes

        async def metrics(_: Request) -> Response:
            return Response(exposition(await front.metrics()), content_type=CONTENT_TYPE_LATEST.encode())

        return {**self.routes, "/metrics": {"GET": metrics}}

    @contextlib.asynccontextmanager
    async def _front_stopped(self) -> AsyncIterator[None]:
        try:
            yield
        finally:
            if self.front is not None:
                await self.front.stop()


def _metadata(extensions: Sequence[str]) -> dict[str, Any]:
    """Return the server's metadata without the extension that KServe always claims.

    Nothing loads or unloads models here.
    """
    return {"name": "oo-ml", "version": version("oo-serving"), "extensions": list(extensions)}


def _http(ports: Ports) -> list[int]:
    return [ports.http] if ports.shadow is None else [ports.http, ports.shadow]


def _bind(host: str, port: int) -> socket.socket:
    """Return a listening socket; when it cannot be bound, log one line and exit with code 1."""
    return uvicorn.Config("", host=host, port=port, log_config=None).bind_socket()


def _leave_to_uvicorn(*_: object) -> None:
    """Do nothing on the signal that uvicorn raises once more after it has ended its loop; all is done by then."""


@contextlib.asynccontextmanager
async def _grpc(data_plane: Any, ports: Ports) -> Any:
    """Run KServe's gRPC service while the HTTP service runs, if it has a port."""
    if ports.grpc is None:
        yield
        return
    from kserve.model_server import args  # noqa: PLC0415  # see the module's docstring

    from oo_serving.grpc_server import grpc_server  # noqa: PLC0415  # as above

    limits = ("max_send_message_length", "max_receive_message_length")
    options = [(f"grpc.{name}", getattr(args, f"grpc_{name}")) for name in limits]
    server = grpc_server(data_plane, f"{ports.host}:{ports.grpc}", options)
    await server.start()
    try:
        yield
    finally:
        await server.stop(GRACE_PERIOD_S)
