"""Read what the stack put into JetStream, with a consumer of our own that leaves no trace."""

from __future__ import annotations

import asyncio
import json
import time

import nats
from nats.errors import TimeoutError as NothingMore
from nats.js.api import DeliverPolicy

__all__ = ["events", "publish", "replicas"]


def events(stack, subject, wanted, count=1, patience=60.0):
    """The events on a subject that are wanted; waits until there are `count`, then for a second more."""
    return asyncio.run(_events(stack, subject, wanted, count, patience))


def publish(stack, subject, event, msg_id=None):
    """Publish one event and wait for JetStream's acknowledgement."""
    asyncio.run(_publish(stack, subject, event, msg_id))


def replicas(stack):
    """How many copies each stream has."""
    return asyncio.run(_replicas(stack))


async def _replicas(stack):
    connection = await nats.connect(stack.nats_url)
    try:
        return {
            stream.config.name: stream.config.num_replicas for stream in await connection.jetstream().streams_info()
        }
    finally:
        await connection.close()


async def _events(stack, subject, wanted, count, patience):
    connection = await nats.connect(stack.nats_url)
    try:
        subscription = await connection.jetstream().subscribe(
            subject, ordered_consumer=True, deliver_policy=DeliverPolicy.ALL
        )
        found, end = [], time.monotonic() + patience
        while time.monotonic() < end:
            try:
                event = json.loads((await subscription.next_msg(timeout=1)).data)
            except NothingMore:
                if len(found) >= count:
                    break
                continue
            found += [event] if wanted(event) else []
        return found
    finally:
        await connection.close()


async def _publish(stack, subject, event, msg_id):
    connection = await nats.connect(stack.nats_url)
    try:
        headers = {"Nats-Msg-Id": msg_id} if msg_id else None
        await connection.jetstream().publish(subject, json.dumps(event).encode(), headers=headers)
    finally:
        await connection.close()
