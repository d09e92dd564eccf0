"""A real nats-server that a test may stop, kill and start again."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import nats
from oo_consumers import streams
from waiting import eventually, free_port, listens

__all__ = ["Nats"]


class Nats:
    """One nats-server that may be stopped and started on the same port and data."""

    def __init__(self, folder):
        self.folder, self.port, self.process = folder, free_port(), None
        self.url = f"nats://127.0.0.1:{self.port}"

    def start(self):
        program = Path(sys.prefix) / "bin" / "nats-server"
        command = [program, "-js", "-sd", self.folder, "-a", "127.0.0.1", "-p", str(self.port)]
        self.process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        assert eventually(lambda: listens(self.port))

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        self.process.wait(10)

    def publish(self, *messages):
        """Publish (subject, data, headers) triples and wait for each acknowledgement; makes the streams."""
        asyncio.run(self._publish(messages))

    async def _publish(self, messages):
        connection = await nats.connect(self.url)
        js = connection.jetstream()
        await streams.ensure(js)
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
