"""What a key-value bucket of JetStream holds: read whole, and only when it has changed.

Asked for again and again, not watched: a watcher that lost its server without a word would go on with what was true
once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

__all__ = ["Held", "JetStream", "held", "stream_of"]

OPERATION = "KV-Operation"  # the header of a message that takes a key away


class JetStream(Protocol):
    """What is used of nats-py's JetStreamContext; its errors are the caller's."""

    async def stream_info(self, name: str, subjects_filter: str | None = None) -> Any: ...

    async def get_msg(self, stream_name: str, seq: int | None = None, subject: str | None = None) -> Any: ...


@dataclass(frozen=True, slots=True)
class Held:
    """Values and revisions by key; a key that was taken away has a revision, which who writes it again has to name.

    `mark` is another one whenever anything has changed, or the bucket was made anew.
    """

    mark: str
    values: Mapping[str, bytes]
    revisions: Mapping[str, int]


def stream_of(bucket: str) -> str:
    """The stream behind a bucket."""
    return f"KV_{bucket}"


async def held(js: JetStream, bucket: str, known: Held | None = None) -> Held:
    """The bucket as it is; `known` itself when nothing has changed since."""
    info = await js.stream_info(stream_of(bucket), subjects_filter=">")
    mark = f"{info.created}:{info.state.last_seq}"
    if known is not None and known.mark == mark:
        return known
    subjects = sorted(info.state.subjects or ())
    messages = await asyncio.gather(*(js.get_msg(stream_of(bucket), subject=subject) for subject in subjects))
    found = {message.subject.removeprefix(f"$KV.{bucket}."): message for message in messages}
    return Held(
        mark,
        {key: message.data for key, message in found.items() if OPERATION not in (message.headers or {})},
        {key: message.seq for key, message in found.items()},
    )
