"""The consumers as a process that a test may stop, kill and start again."""

from __future__ import annotations

import signal
import subprocess
import sys

from waiting import free_port

__all__ = ["Consumers"]


class Consumers:
    """The consumers as a process of their own."""

    def __init__(self, url, store_url):
        self.environ = {
            "OO_CONSUMER_NATS_URL": url,
            "OO_CONSUMER_STORE_URL": store_url,
            "OO_CONSUMER_HTTP_PORT": str(free_port()),
            "OO_CONSUMER_HOST": "127.0.0.1",
            "OO_CONSUMER_ACK_WAIT_MS": "3000",
        }
        self.process = None

    def start(self, *arguments):
        self.process = subprocess.Popen([sys.executable, "-P", "-m", "oo_consumers", *arguments], env=self.environ)

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        return self.process.wait(20)
