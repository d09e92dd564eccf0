"""`/healthz/live`, `/healthz/ready` and `/metrics`, for probes and Prometheus."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

__all__ = ["Health"]

PATIENCE = 5.0  # seconds for a caller to say what it wants


@dataclass(frozen=True, slots=True)
class Health:
    """Ready while nothing is missing; alive while the loop turns."""

    missing: Callable[[], str | None]

    async def serve(self, host: str, port: int) -> asyncio.Server:
        return await asyncio.start_server(self._answer, host, port)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE)
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
            return _http(HTTPStatus.SERVICE_UNAVAILABLE, "application/json", f'{{"status":"{missing}"}}'.encode())
        if path in {"/healthz/live", "/healthz/ready"}:
            return _http(HTTPStatus.OK, "application/json", b'{"status":"ok"}')
        return _http(HTTPStatus.NOT_FOUND, "application/json", b'{"status":"no such path"}')


def _http(status: HTTPStatus, kind: str, body: bytes) -> bytes:
    head = f"HTTP/1.1 {status} {status.phrase}\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n"
    return f"{head}connection: close\r\n\r\n".encode() + body
