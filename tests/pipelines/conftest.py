"""A real nats-server and the consumers, on SQLite."""

from __future__ import annotations

import pytest
from real_consumers import Consumers


@pytest.fixture
def consumers(server, tmp_path):
    consumers = Consumers(server.url, f"sqlite:///{tmp_path}/effects.db")
    consumers.start()
    yield consumers
    consumers.stop()
