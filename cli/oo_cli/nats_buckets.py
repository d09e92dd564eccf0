"""The buckets of NATS that commands read and change: definitions of experiments, and beliefs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import nats
from nats.errors import Error
from nats.js import JetStreamContext
from oo_contracts.buckets import read_bucket
from oo_contracts.subjects import EXPERIMENTS_BUCKET

from oo_cli.running_stack import running_stack
from oo_cli.terminal import refuse

__all__ = ["delete_experiment", "experiment_revisions", "put_experiment", "values_of"]

T = TypeVar("T")
TIMEOUT_S = 5.0  # seconds for NATS


def values_of(data: Path, nats_url: str | None, bucket: str) -> Mapping[str, bytes]:
    """Return the values of a bucket by key."""

    async def read_values(js: JetStreamContext) -> Mapping[str, bytes]:
        return (await read_bucket(js, bucket)).values

    return _with_jetstream(data, nats_url, read_values)


def experiment_revisions(data: Path, nats_url: str | None) -> Mapping[str, Sequence[bytes]]:
    """Return the definitions of experiments in NATS by key, newest first."""

    async def read_revisions(js: JetStreamContext) -> Mapping[str, Sequence[bytes]]:
        return (await read_bucket(js, EXPERIMENTS_BUCKET)).history()

    return _with_jetstream(data, nats_url, read_revisions)


def put_experiment(data: Path, nats_url: str | None, key: str, value: bytes) -> None:
    """Write the definition of an experiment."""

    async def put_value(js: JetStreamContext) -> None:
        await (await js.key_value(EXPERIMENTS_BUCKET)).put(key, value)

    _with_jetstream(data, nats_url, put_value)


def delete_experiment(data: Path, nats_url: str | None, key: str) -> None:
    """Delete the definition of an experiment."""

    async def delete(js: JetStreamContext) -> None:
        await (await js.key_value(EXPERIMENTS_BUCKET)).delete(key)

    _with_jetstream(data, nats_url, delete)


def _with_jetstream(data: Path, nats_url: str | None, work: Callable[[JetStreamContext], Awaitable[T]]) -> T:
    """Do the work on the NATS of the URL, else of the running stack; when it fails the exit code is 1."""
    url = nats_url or running_stack(data, "--nats-url").nats_url
    try:
        return asyncio.run(_connected(url, work))
    except (Error, OSError, TimeoutError) as error:
        refuse(f"NATS at {url}: {error!r}", 1)


async def _connected(url: str, work: Callable[[JetStreamContext], Awaitable[T]]) -> T:
    connection = await nats.connect(url, connect_timeout=TIMEOUT_S, max_reconnect_attempts=1, error_cb=_ignore_error)
    try:
        return await work(connection.jetstream(timeout=TIMEOUT_S))
    finally:
        await connection.close()


async def _ignore_error(_: Exception) -> None:
    """Ignore an error of the connection: the attempt fails, and that is reported."""
