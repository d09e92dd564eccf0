"""Calls to a running stack, timed: which body, which ingress, and what came back."""

from __future__ import annotations

import json
import os
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oo_cli.running_stack import running_stack
from oo_cli.terminal import refuse

__all__ = ["EXAMPLE", "CallFailed", "TimedReply", "call_stack", "post", "read_body"]

EXAMPLE = Path(__file__).parent / "example.json"
TIMEOUT_S = 30.0  # seconds


class CallFailed(Exception):
    """The call got no response, or a problem; the message is for people."""


@dataclass(frozen=True, slots=True)
class TimedReply:
    """The response's JSON, and how long it took."""

    reply: dict[str, Any]
    milliseconds: float


def read_body(file: Path | None) -> dict[str, Any]:
    """Return the JSON object of a file, of standard input for `-`, or the example; anything else is refused."""
    if file is not None and not os.access(file, os.R_OK) and file != Path("-"):
        refuse(f"{file} cannot be read")
    text = sys.stdin.read() if file == Path("-") else (file or EXAMPLE).read_text()
    try:
        parsed_json = json.loads(text)
    except ValueError as error:
        refuse(f"{file} is not JSON: {error}")
    return parsed_json if isinstance(parsed_json, dict) else refuse(f"{file} is not a JSON object")


def call_stack(data: Path, route: str, body: dict[str, Any]) -> TimedReply:
    """POST to the ingress of the stack that runs on a folder; a failure ends the command with exit code 1."""
    try:
        return post(f"{running_stack(data).ingress}{route}", body)
    except CallFailed as error:
        refuse(str(error), 1)


def post(url: str, body: dict[str, Any]) -> TimedReply:
    """POST JSON, and return the response.

    Raises:
        CallFailed: there is no connection, or the response is not a 200.
    """
    request = urllib.request.Request(url, json.dumps(body).encode(), {"content-type": "application/json"})  # noqa: S310
    start = time.perf_counter()
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as reply:  # noqa: S310  # the caller's own stack
            parsed_json = json.load(reply)
    except urllib.error.HTTPError as error:
        raise CallFailed(f"{error.code}: {_detail(error)}") from None
    except OSError as error:
        raise CallFailed(f"nothing answers at {url} ({error}): is the stack up? `oo-ml status`") from None
    return TimedReply(parsed_json, (time.perf_counter() - start) * 1000)


def _detail(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.load(error)["detail"])
    except (ValueError, KeyError):
        return str(error.reason)
