"""A decision as a real transformer published it, and copies of it that are decisions of other requests."""

from __future__ import annotations

import asyncio
import json
import uuid
from dataclasses import dataclass

import nats
from oo_contracts.subjects import DECISIONS_STREAM

__all__ = ["DecisionSample", "last_decision"]

POLL_INTERVAL_S = 0.02


@dataclass(frozen=True, slots=True)
class DecisionSample:
    """A decision as it was published, and the ids in it that each copy replaces."""

    data: bytes
    event_id: bytes
    request_id: bytes

    def copy(self) -> tuple[str, bytes]:
        """Return the id of another request, and its decision."""
        event_id, request_id = uuid.uuid4().hex, uuid.uuid4().hex
        data = self.data.replace(self.request_id, request_id.encode()).replace(self.event_id, event_id.encode())
        return request_id, data


async def last_decision(url: str) -> DecisionSample:
    """Return the decision that was published last; wait for the first one."""
    connection = await nats.connect(url, allow_reconnect=False)
    js = connection.jetstream()
    while not (last := (await js.stream_info(DECISIONS_STREAM.name)).state.last_seq):
        await asyncio.sleep(POLL_INTERVAL_S)
    message = await js.get_msg(DECISIONS_STREAM.name, last)
    await connection.close()
    data = message.data or b""
    event = json.loads(data)
    return DecisionSample(data, event["event_id"].encode(), event["request_id"].encode())
