"""An HTTP server of the standard library beside a test."""

from __future__ import annotations

import contextlib
import threading
from http.server import ThreadingHTTPServer

__all__ = ["serving"]


@contextlib.contextmanager
def serving(handler, port=0, **state):
    """A server in a thread until the block is left; `state` is what its handlers find at `self.server`."""
    server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    vars(server).update(state)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
