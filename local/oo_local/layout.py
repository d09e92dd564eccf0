"""Where the stack listens and where it keeps things: ports as offsets from the ingress, folders below one."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path

__all__ = ["OFFSETS", "Layout", "PortTaken", "check_ports"]

OFFSETS = {
    "ingress": 0,
    "split": 1,
    "transformer-1": 2,
    "transformer-2": 3,
    "predictor": 4,
    "challenger": 5,
    "litellm": 6,
    "llm": 7,
    "consumers": 8,
    "mlflow": 9,
    "nats": 10,
    "envoy-1": 11,
    "envoy-2": 12,
    "challenger-shadow": 13,
    "lake": 14,
    "beliefs": 15,
}


class PortTaken(Exception):
    """Somebody else listens where we want to; the message names the port and the fix."""


@dataclass(frozen=True, slots=True)
class Layout:
    """`data` survives; everything below `run` is made anew at each start."""

    data: Path
    port: int

    def at(self, name: str) -> int:
        """The port of a part; for the two Envoys that of their admin."""
        return self.port + OFFSETS[name]

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.at(name)}"

    @property
    def nats_url(self) -> str:
        return f"nats://127.0.0.1:{self.at('nats')}"

    @property
    def store_url(self) -> str:
        return f"sqlite:///{self.data / 'effects.db'}"

    @property
    def lake_url(self) -> str:
        """The offline log: Delta Lake tables in a folder."""
        return str(self.data / "lake")

    @property
    def run(self) -> Path:
        return self.data / "run"

    @property
    def logs(self) -> Path:
        return self.data / "logs"

    @property
    def status(self) -> Path:
        return self.run / "status.json"


def check_ports(layout: Layout) -> None:
    """Refuse to start where somebody else listens.

    Raises:
        PortTaken: the first taken port.
    """
    for name in OFFSETS:
        port = layout.at(name)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                raise PortTaken(
                    f"port {port} ({name}) is taken: stop what listens there, or start elsewhere with --port N"
                ) from None
