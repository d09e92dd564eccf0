"""KServe's servers, started the way that was found to be quick: uvloop, no access logs, garbage frozen, a short cut.

Import this module only after the process's own arguments are parsed: KServe parses `sys.argv` when it is imported.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import signal
import socket
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Any

import uvicorn
import uvloop

from oo_serving.asgi import Routes, ShortCut

__all__ = ["Ports", "kserve_model", "kserve_unknown", "log_to_stderr", "serve"]

log = logging.getLogger(__name__)

KEEP_ALIVE = 65  # seconds an idle connection is kept; callers let go earlier
GRACE = 20  # seconds for calls in flight when stopped; then the outbox has 5; Kubernetes kills after 30
APP = "kserve.model_server:app"


@dataclass(frozen=True, slots=True)
class Ports:
    """Where to listen. KServe's gRPC server has no host setting: it listens on all interfaces."""

    http: int
    host: str = "0.0.0.0"  # noqa: S104  # inside a pod; the embedded stack gives loopback
    grpc: int | None = None
    shadow: int | None = None  # a second HTTP port, for mirrored copies: a handler sees which one a call came in by


def kserve_model() -> Any:
    """KServe's `Model` class, imported without letting KServe see our arguments."""
    given, sys.argv = sys.argv, sys.argv[:1]
    try:
        with _pandas_or_stand_in():
            from kserve import Model  # noqa: PLC0415  # see the module's docstring
    finally:
        sys.argv = given
    return Model


@contextlib.contextmanager
def _pandas_or_stand_in() -> Iterator[None]:
    """Let KServe import without pandas, which the transformer's image leaves out.

    KServe wants it for annotations and `isinstance` alone. So, while it is imported, a missing pandas is a module whose
    `DataFrame` nothing is an instance of; afterwards only KServe holds that module, and `import pandas` fails again.
    """
    try:
        import_module("pandas")
    except ModuleNotFoundError:
        sys.modules["pandas"] = stand_in = ModuleType("pandas", "Stands in for pandas, which is not installed.")
        vars(stand_in)["DataFrame"] = type("DataFrame", (), {})
        try:
            yield
        finally:
            del sys.modules["pandas"]
    else:
        yield


def kserve_unknown(arguments: Sequence[str]) -> list[str]:
    """Those of the arguments that KServe does not know either: misspellings, since its controller may add its own."""
    if not arguments:
        return []
    kserve_model()
    from kserve.model_server import parser  # noqa: PLC0415  # see the module's docstring

    unknown: list[str] = parser.parse_known_args(arguments)[1]
    return unknown


def log_to_stderr(level: int = logging.INFO) -> None:
    """One line per event; the chatter of libraries only from warnings on."""
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    for name in ("kserve", "kserve.trace", "uvicorn", "uvicorn.access", "uvicorn.error", "httpx", "nats"):
        logging.getLogger(name).setLevel(logging.WARNING)


def serve(
    models: Sequence[Any],
    routes: Routes,
    ports: Ports,
    lifetime: contextlib.AbstractAsyncContextManager[object],
    *,
    max_body: int,
) -> None:
    """Serve until SIGTERM or SIGINT: stop listening, finish the calls in flight, leave `lifetime`, return.

    `lifetime` is entered before the port opens (start an outbox, warm up) and left after the last call is answered.
    """
    kserve_model()
    gc.collect()
    gc.freeze()  # what lives until the end need not be searched; the tails were garbage collections
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(models, routes, ports, lifetime, max_body))


async def _serve(
    models: Sequence[Any],
    routes: Routes,
    ports: Ports,
    lifetime: contextlib.AbstractAsyncContextManager[object],
    max_body: int,
) -> None:
    from kserve import model_server  # noqa: PLC0415  # see the module's docstring
    from kserve.protocol.rest.server import RESTServer  # noqa: PLC0415

    server = model_server.ModelServer(http_port=ports.http, enable_grpc=False, enable_latency_logging=False)
    for model in models:
        model.enable_latency_logging = False
        server.register_model(model)
    rest = RESTServer(APP, server.dataplane, server.model_repository_extension, ports.http, grace_period=GRACE)
    rest.config.app = ShortCut(model_server.app, routes, max_body)
    rest.config.host = ports.host
    rest.config.access_log = rest.config.proxy_headers = False
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave_to_uvicorn)
    async with lifetime, _grpc(server, ports.grpc):
        log.info("listening on %s:%d", ports.host, ports.http)
        rest.create_application()
        await uvicorn.Server(rest.config).serve([_bound(rest.config.host, port) for port in _http(ports)])


def _http(ports: Ports) -> list[int]:
    return [ports.http] if ports.shadow is None else [ports.http, ports.shadow]


def _bound(host: str, port: int) -> socket.socket:
    """A listening address, or one line on why not and exit code 1."""
    return uvicorn.Config("", host=host, port=port, log_config=None).bind_socket()


def _leave_to_uvicorn(*_: object) -> None:
    """uvicorn ends its loop on a signal and then raises it once more; by then all is done."""


@contextlib.asynccontextmanager
async def _grpc(server: Any, port: int | None) -> Any:
    """KServe's gRPC server beside the HTTP one."""
    if port is None:
        yield
        return
    from kserve.model_server import args  # noqa: PLC0415  # see the module's docstring
    from kserve.protocol.grpc.server import GRPCServer  # noqa: PLC0415

    grpc = GRPCServer(port, server.dataplane, server.model_repository_extension, kwargs=vars(args), grace_period=GRACE)
    task = asyncio.create_task(grpc.start(4))
    try:
        yield
    finally:
        await grpc.stop(signal.SIGTERM)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
