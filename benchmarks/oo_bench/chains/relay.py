"""A hop that passes bytes and does nothing else: `relay.py PORT [NEXT_PORT]`.

It is served as ours is, by uvicorn with httptools and uvloop. The last hop answers with the bytes that it was sent; a
hop before it sends them on by the client that our transformer uses.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from typing import Any

import uvicorn
from oo_serving.connection_pool import ConnectionPool

__all__ = ["main", "relay"]

TIMEOUT_S = 10.0
Message = dict[str, Any]
App = Callable[[Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]]


def relay(next_hop: ConnectionPool | None) -> App:
    """Return the application of one hop."""

    async def app(
        scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
    ) -> None:
        body, more = b"", scope["method"] == "POST"
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        if next_hop is not None:
            body = (await next_hop.post("/", body, (), TIMEOUT_S)).body
        length = (b"content-length", b"%d" % len(body))
        await send({"type": "http.response.start", "status": 200, "headers": [length]})
        await send({"type": "http.response.body", "body": body})

    return app


def main(port: int, next_port: int | None) -> None:
    """Serve until the process is stopped."""
    next_hop = ConnectionPool(f"http://127.0.0.1:{next_port}") if next_port else None
    uvicorn.run(
        relay(next_hop), host="127.0.0.1", port=port, http="httptools", loop="uvloop", lifespan="off",
        access_log=False, log_level="warning", timeout_keep_alive=65,
    )  # fmt: skip


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else None)
