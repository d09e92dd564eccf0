"""The streams that everything else publishes to and the buckets that it reads; the consumers make them."""

from __future__ import annotations

from collections.abc import Awaitable

from nats.js import JetStreamContext
from nats.js.api import KeyValueConfig, StorageType, StreamConfig
from nats.js.errors import BadRequestError
from oo_contracts.subjects import BUCKETS, EXPERIMENTS_BUCKET, STREAMS, Stream

__all__ = ["ensure_streams"]

DAY_S = 24 * 3_600.0  # seconds
RETENTION_S = 30 * DAY_S  # events are kept long enough to rebuild a month
DUPLICATE_WINDOW_S = 120.0  # seconds in which JetStream itself drops a repeated Nats-Msg-Id
HISTORY = {EXPERIMENTS_BUCKET: 8}  # revisions of a key: one that cannot be used leaves the one before it in force
NAME_IN_USE = 10058  # the server's code for a stream that is there with another configuration


async def ensure_streams(js: JetStreamContext, replicas: int = 1) -> None:
    """Make the streams and buckets that are missing; one with another configuration is left alone.

    Raises:
        nats.errors.Error: NATS is away or refuses.
    """
    for stream in STREAMS:
        await _unless_there(js.add_stream(_config(stream, replicas)))
    for bucket in BUCKETS:
        config = KeyValueConfig(bucket, history=HISTORY.get(bucket, 1), replicas=replicas)
        await _unless_there(js.create_key_value(config))


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
        max_age=RETENTION_S,
        duplicate_window=DUPLICATE_WINDOW_S,
    )
