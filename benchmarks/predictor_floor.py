"""The least that a model behind HTTP can cost, for `predictor.py`: raw float32 rows in, raw float32 values out.

It reads of HTTP only where the body begins and how long it is, checks nothing, and publishes nothing.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import cast

import numpy as np
import onnxruntime
import uvloop
from oo_bench.chains.floors import onnx_session

__all__ = ["Floor"]

END = b"\r\n\r\n"


class Floor(asyncio.Protocol):
    """One connection; requests come one after another."""

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        self.session, self.data = session, b""
        self.input, self.output = session.get_inputs()[0], session.get_outputs()[1].name

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer as soon as the whole body is there."""
        self.data += data
        head, end, body = self.data.partition(END)
        if end and len(body) >= int(head.split(b"content-length: ")[1].split(b"\r\n")[0]):
            self.data = b""
            values = self._values(body)
            self.transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(values), values))

    def _values(self, body: bytes) -> bytes:
        rows = np.frombuffer(body, "<f4").reshape(-1, self.input.shape[1])
        (probabilities,) = self.session.run([self.output], {self.input.name: rows})
        return bytes(probabilities[:, 1].tobytes())


async def main(graph: Path, port: int) -> None:
    """Serve until the process is killed."""
    session = onnx_session(graph)
    server = await asyncio.get_running_loop().create_server(lambda: Floor(session), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(Path(sys.argv[1]), int(sys.argv[2])))
