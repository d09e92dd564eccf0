"""`/healthz/live`, `/healthz/ready` and `/metrics`, for probes and Prometheus."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

__all__ = ["Health"]

TIMEOUT_S = 5.0  # seconds for a caller to say what it wants


@dataclass(frozen=True, slots=True)
class Health:
    """The probes' server: ready while nothing is missing, alive while the event loop turns."""

    missing: Callable[[], str | None]

    async def serve(self, host: str, port: int) -> asyncio.Server:
        """Start to answer on this address.

        Raises:
            OSError: the port is taken.
        """
        return await asyncio.start_server(self._answer, host, port)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), TIMEOUT_S)
            writer.write(self._reply(head.split(b" ")[1].split(b"?")[0].decode("latin-1")))
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError, IndexError):
            return  # whoever asked has gone, or spoke no HTTP
        finally:
            writer.close()

    def _reply(self, path: str) -> bytes:
        if path == "/metrics":
            return _http(HTTPStatus.OK, CONTENT_TYPE_LATEST, generate_latest())
        if path == "/healthz/ready" and (missing := self.missing()):
            return _http(HTTPStatus.SERVICE_UNAVAILABLE, "application/json", _json({"status": missing}))
        if path in {"/healthz/live", "/healthz/ready"}:
            return _http(HTTPStatus.OK, "application/json", _json({"status": "ok"}))
        return _http(HTTPStatus.NOT_FOUND, "application/json", _json({"status": "no such path"}))


def _json(value: Mapping[str, str]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _http(status: HTTPStatus, kind: str, body: bytes) -> bytes:
    head = f"HTTP/1.1 {status} {status.phrase}\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n"
    retry_after = "retry-after: 1\r\n" if status == HTTPStatus.SERVICE_UNAVAILABLE else ""
    return f"{head}{retry_after}connection: close\r\n\r\n".encode() + body
