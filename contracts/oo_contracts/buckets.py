"""This module reads a key-value bucket of JetStream: always as a whole, and only when it has changed.

Readers poll a bucket instead of watching it: a watcher that loses its server without an
error would serve outdated values for ever.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

__all__ = ["BucketSnapshot", "JetStream", "bucket_stream", "read_bucket"]

OPERATION = "KV-Operation"  # the header of a message that deletes a key


class JetStream(Protocol):
    """The two calls of nats-py's JetStreamContext that this module needs; their errors are passed on to the caller."""

    async def stream_info(self, name: str, subjects_filter: str | None = None) -> Any:
        """Return the state of a stream, with its subjects where a filter asks for them."""

    async def get_msg(
        self,
        stream_name: str,
        seq: int | None = None,
        subject: str | None = None,
        direct: bool | None = False,
        next: bool | None = False,  # noqa: A002  # the name that nats-py gave it
    ) -> Any:
        """Return one stored message: by its sequence number, as the last of a subject, or as its next from there."""


@dataclass(frozen=True, slots=True)
class BucketSnapshot:
    """The content of a bucket at one revision: values and revisions by key.

    A deleted key has a revision but no value; a writer has to name that revision to create the key again. `earlier`
    has the values before the present one, newest first and back to a deletion, where the bucket keeps a history.
    `revision_token` differs whenever anything in the bucket has changed, or the bucket was created anew.
    """

    revision_token: str
    values: Mapping[str, bytes]
    revisions: Mapping[str, int]
    earlier: Mapping[str, tuple[bytes, ...]] = field(default_factory=dict)

    def history(self) -> dict[str, tuple[bytes, ...]]:
        """Return all known values of each key that has one, newest first."""
        return {key: (value, *self.earlier.get(key, ())) for key, value in self.values.items()}


def bucket_stream(bucket: str) -> str:
    """Return the name of the JetStream stream that stores a bucket."""
    return f"KV_{bucket}"


async def read_bucket(js: JetStream, bucket: str, previous: BucketSnapshot | None = None) -> BucketSnapshot:
    """Return the bucket's present content, or `previous` itself when nothing has changed since.

    Errors of nats-py are passed on to the caller.
    """
    info = await js.stream_info(bucket_stream(bucket), subjects_filter=">")
    revision_token = f"{info.created}:{info.state.last_seq}"
    if previous is not None and previous.revision_token == revision_token:
        return previous
    subjects = sorted(info.state.subjects or ())
    messages = await asyncio.gather(*(js.get_msg(bucket_stream(bucket), subject=subject) for subject in subjects))
    entries = {message.subject.removeprefix(f"$KV.{bucket}."): message for message in messages}
    return BucketSnapshot(
        revision_token,
        {key: message.data for key, message in entries.items() if not _is_deletion(message)},
        {key: message.seq for key, message in entries.items()},
        {
            message.subject.removeprefix(f"$KV.{bucket}."): await _values_before(js, message, bucket_stream(bucket))
            for message in messages
            if info.state.subjects[message.subject] > 1 and not _is_deletion(message)
        },
    )


def _is_deletion(message: Any) -> bool:
    return OPERATION in (message.headers or {})


async def _values_before(js: JetStream, newest: Any, stream: str) -> tuple[bytes, ...]:
    """Return the values of a key before its newest one, newest first, back to where it was deleted."""
    values: list[bytes] = []
    sequence = 1
    while sequence < newest.seq:
        message = await js.get_msg(stream, seq=sequence, subject=newest.subject, next=True)
        if message.seq >= newest.seq:
            break
        values = [] if _is_deletion(message) else [message.data or b"", *values]
        sequence = message.seq + 1
    return tuple(values)
