"""LiteLLM behind a list: completions with the key, health for probes, and nothing else of what it serves.

litellm_gate.py CONFIGURATION HOST PORT, with LITELLM_MASTER_KEY in the environment. LiteLLM shows its pages, its
routes and its API without a key, and answers a call without one with a 500: neither ever reaches it.
"""

import hmac
import json
import logging
import os
import sys
from http import HTTPStatus
from typing import Any

import uvicorn

COMPLETIONS = ("POST", "/v1/chat/completions")
LOGGERS = ("LiteLLM", "LiteLLM Proxy", "LiteLLM Router")
HEALTH = ("GET", "/health/liveliness")


class Gate:
    """An ASGI app in front of LiteLLM's."""

    def __init__(self, app: Any, key: str) -> None:
        self.app, self.expected = app, f"Bearer {key}".encode()

    async def __call__(self, scope: dict, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close"})
        elif scope["type"] != "http" or (refused := self.refusal(scope)) is None:
            await self.app(scope, receive, send)
        else:
            await answer(send, refused)

    def refusal(self, scope: dict) -> HTTPStatus | None:
        """The status of a call that LiteLLM does not get to see, else None."""
        if (route := (scope["method"], scope["path"])) not in {COMPLETIONS, HEALTH}:
            return HTTPStatus.NOT_FOUND
        given = dict(scope["headers"]).get(b"authorization", b"")
        return None if route == HEALTH or hmac.compare_digest(given, self.expected) else HTTPStatus.UNAUTHORIZED


async def answer(send: Any, status: HTTPStatus) -> None:
    """A problem (RFC 9457)."""
    body = json.dumps({"type": "about:blank", "title": status.phrase, "status": status}).encode()
    headers = [(b"content-type", b"application/problem+json"), (b"content-length", b"%d" % len(body))]
    if status == HTTPStatus.UNAUTHORIZED:
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": "http.response.start", "status": int(status), "headers": headers})
    await send({"type": "http.response.body", "body": body})


def one_line(record: logging.LogRecord) -> bool:
    """A model that fails is no fault of LiteLLM's: a line says which, and a hundred lines of traceback no more."""
    record.msg, record.args = record.getMessage().partition("\n")[0], ()
    record.exc_info = record.exc_text = None
    return True


def main(configuration: str, host: str, port: str) -> None:
    if not (key := os.environ.get("LITELLM_MASTER_KEY")):
        sys.exit("litellm_gate: LITELLM_MASTER_KEY is not set")
    os.environ["CONFIG_FILE_PATH"] = configuration  # read when LiteLLM's app starts
    from litellm.proxy.proxy_server import app  # noqa: PLC0415  # takes seconds, and wants the variable above

    for name in LOGGERS:
        logging.getLogger(name).addFilter(one_line)
    uvicorn.run(Gate(app, key), host=host, port=int(port), access_log=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
