"""One call to a running stack, timed."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["EXAMPLE", "CallFailed", "Called", "post"]

EXAMPLE = Path(__file__).parent / "example.json"
PATIENCE = 30.0  # seconds


class CallFailed(Exception):
    """No answer, or a problem; the message is what a person should read."""


@dataclass(frozen=True, slots=True)
class Called:
    reply: dict[str, Any]
    milliseconds: float


def post(url: str, body: dict[str, Any]) -> Called:
    """POST JSON.

    Raises:
        CallFailed: no connection, or an answer that is not a 200.
    """
    request = urllib.request.Request(url, json.dumps(body).encode(), {"content-type": "application/json"})  # noqa: S310
    start = time.perf_counter()
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as reply:  # noqa: S310  # the caller's own stack
            found = json.load(reply)
    except urllib.error.HTTPError as error:
        raise CallFailed(f"{error.code}: {_detail(error)}") from None
    except OSError as error:
        raise CallFailed(f"nothing answers at {url} ({error}): is the stack up? `oo-ml status`") from None
    return Called(found, (time.perf_counter() - start) * 1000)


def _detail(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.load(error)["detail"])
    except (ValueError, KeyError):
        return str(error.reason)
