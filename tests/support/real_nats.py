"""A real nats-server that a test may stop, kill and start again."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import nats
from nats.js.errors import NoKeysError
from oo_consumers import streams
from waiting import eventually, free_port, listens

__all__ = ["Nats"]


CONFIGURATION = Path(__file__).parents[2] / "charts" / "oo-ml" / "files" / "nats.conf"


class Nats:
    """One nats-server that may be stopped and started on the same port and data."""

    def __init__(self, folder):
        self.folder, self.port, self.process = folder, free_port(), None
        self.url = f"nats://127.0.0.1:{self.port}"

    def start(self):
        program = Path(sys.prefix) / "bin" / "nats-server"
        where = ["-sd", self.folder, "-a", "127.0.0.1", "-p", str(self.port)]
        command = [program, "-c", CONFIGURATION, "-js", *where]
        self.process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        assert eventually(lambda: listens(self.port))

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        self.process.wait(30)

    def publish(self, *messages):
        """Publish (subject, data, headers) triples and wait for each acknowledgement; makes the streams."""
        asyncio.run(self._publish(messages))

    async def _publish(self, messages):
        connection = await nats.connect(self.url)
        js = connection.jetstream(timeout=60)  # thousands at once: the last ones wait for all others
        await streams.ensure_streams(js)
        await asyncio.gather(*(js.publish(subject, data, headers=headers) for subject, data, headers in messages))
        await connection.close()

    def unsettled(self, durable):
        """Messages that the durable has not acknowledged yet."""
        return asyncio.run(self._unsettled(durable))

    async def _unsettled(self, durable):
        connection = await nats.connect(self.url)
        info = await connection.jetstream().consumer_info(durable.upper(), durable)
        await connection.close()
        return (info.num_pending or 0) + (info.num_ack_pending or 0)

    def put(self, bucket, key, value):
        """Into a bucket; None takes the key away."""
        asyncio.run(self._put(bucket, key, value))

    async def _put(self, bucket, key, value):
        async with self._bucket(bucket) as store:
            await (store.delete(key) if value is None else store.put(key, value))

    def values(self, bucket):
        """What a bucket holds, by key."""
        return asyncio.run(self._values(bucket))

    async def _values(self, bucket):
        async with self._bucket(bucket) as store:
            try:
                return {key: (await store.get(key)).value for key in await store.keys()}
            except NoKeysError:
                return {}

    @asynccontextmanager
    async def _bucket(self, bucket):
        connection = await nats.connect(self.url)
        try:
            js = connection.jetstream()
            await streams.ensure_streams(js)
            yield await js.key_value(bucket)
        finally:
            await connection.close()

    def dead(self, durable):
        return asyncio.run(self._dead(durable))

    async def _dead(self, durable):
        connection = await nats.connect(self.url)
        js = connection.jetstream()
        found = []
        for sequence in range(1, (await js.stream_info("DLQ")).state.messages + 1):
            message = await js.get_msg("DLQ", sequence)
            found += [message] if message.subject == f"dlq.{durable}" else []
        await connection.close()
        return found
