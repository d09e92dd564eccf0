"""This module is KServe's gRPC service with a list of the methods that may be called.

Each refusal is one line in the log.

Import it only after the process's own arguments are parsed: KServe parses `sys.argv` when it is imported.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NoReturn

import grpc
from grpc_interceptor import AsyncExceptionToStatusInterceptor
from kserve.errors import InvalidInput, ModelNotFound
from kserve.protocol.grpc.grpc_predict_v2_pb2_grpc import add_GRPCInferenceServiceServicer_to_server
from kserve.protocol.grpc.servicer import InferenceServicer

from oo_serving.problem_response import FAULT_DETAIL

__all__ = ["grpc_server"]

log = logging.getLogger(__name__)

SERVICE = "/inference.GRPCInferenceService/"
METHODS = frozenset(
    SERVICE + name
    for name in ("ServerLive", "ServerReady", "ServerMetadata", "ModelReady", "ModelMetadata", "ModelInfer")
)
CLIENT_ERRORS = ((InvalidInput, grpc.StatusCode.INVALID_ARGUMENT), (ModelNotFound, grpc.StatusCode.NOT_FOUND))


def grpc_server(data_plane: Any, address: str, options: Sequence[tuple[str, Any]]) -> Any:
    """Return a `grpc.aio` server that is not started yet.

    KServe's methods that load and unload models are not served: what is served is the deployment's decision.
    """
    server = grpc.aio.server(interceptors=(ListedMethods(), OneLineErrors()), options=options)
    add_GRPCInferenceServiceServicer_to_server(InferenceServicer(data_plane, None), server)
    server.add_insecure_port(address)
    return server


class ListedMethods(grpc.aio.ServerInterceptor):  # type: ignore[misc]  # grpc has no types
    """An interceptor that answers any method not in METHODS as UNIMPLEMENTED, as if it had not been registered."""

    async def intercept_service(self, continuation: Callable[[Any], Awaitable[Any]], handler_call_details: Any) -> Any:
        """Return the handler of a listed method, and None for any other."""
        if handler_call_details.method in METHODS:
            return await continuation(handler_call_details)
        log.info("%s: no such method", handler_call_details.method)
        return None


class OneLineErrors(AsyncExceptionToStatusInterceptor):
    """An interceptor that sends callers the text of their own errors only, and logs a traceback of ours."""

    async def handle_exception(
        self, ex: Exception, request_or_iterator: Any, context: Any, method_name: str
    ) -> NoReturn:
        """Abort the call with the status of the exception's kind."""
        for kind, status in CLIENT_ERRORS:
            if isinstance(ex, kind):
                log.info("%s: %s %s", method_name, status.name, ex)
                await context.abort(status, str(ex))
        log.error("%s failed", method_name, exc_info=ex)
        await context.abort(grpc.StatusCode.INTERNAL, FAULT_DETAIL)
        raise ex  # not reached: to abort is to raise
