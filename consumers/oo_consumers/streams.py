"""The streams that everything else publishes to, and the buckets that it reads; whoever consumes makes them."""

from __future__ import annotations

from collections.abc import Awaitable

from nats.js import JetStreamContext
from nats.js.api import KeyValueConfig, StorageType, StreamConfig
from nats.js.errors import BadRequestError
from oo_contracts.subjects import BUCKETS, STREAMS, Stream

__all__ = ["ensure"]

DAY = 24 * 3_600.0  # seconds
KEPT = 30 * DAY  # events are kept long enough to rebuild a month
DUPLICATES = 120.0  # seconds in which JetStream itself drops a repeated Nats-Msg-Id
NAME_IN_USE = 10058  # the server's code for a stream that is there with another configuration


async def ensure(js: JetStreamContext, replicas: int = 1) -> None:
    """Make the streams and buckets that are missing; one that somebody configured otherwise is left alone."""
    for stream in STREAMS:
        await _unless_there(js.add_stream(_config(stream, replicas)))
    for bucket in BUCKETS:
        await _unless_there(js.create_key_value(KeyValueConfig(bucket, replicas=replicas)))


async def _unless_there(making: Awaitable[object]) -> None:
    try:
        await making
    except BadRequestError as error:
        if error.err_code != NAME_IN_USE:
            raise


def _config(stream: Stream, replicas: int) -> StreamConfig:
    return StreamConfig(
        name=stream.name,
        subjects=[stream.subjects],
        storage=StorageType.FILE,
        num_replicas=replicas,
        max_age=KEPT,
        duplicate_window=DUPLICATES,
    )
