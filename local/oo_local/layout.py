"""The ports and folders of a stack: ports as offsets from the ingress, folders below one."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path

from oo_contracts.stack_status import data_option

__all__ = ["OFFSETS", "SLOTS", "Layout", "PortTaken", "check_ports", "shadow_of"]

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
    "predictor-2": 16,
    "challenger-2": 17,
    "challenger-2-shadow": 18,
}
# A new version starts in the slot that is free, beside the version that it follows.
SLOTS = {"predictor": ("predictor", "predictor-2"), "challenger": ("challenger", "challenger-2")}


class PortTaken(Exception):
    """Another program listens on one of our ports; the message names the port and the fix."""


def shadow_of(slot: str) -> str:
    """Return the name of the port that takes mirrored copies for a challenger's slot."""
    return f"{slot}-shadow"


@dataclass(frozen=True, slots=True)
class Layout:
    """The ports and folders of one stack; `data` survives, everything below `run` is made anew at each start."""

    data: Path
    port: int

    def at(self, name: str) -> int:
        """Return the port of a part; for the two Envoys that of their admin interface."""
        return self.port + OFFSETS[name]

    def url(self, name: str) -> str:
        """Return the URL of a part."""
        return f"http://127.0.0.1:{self.at(name)}"

    @property
    def data_option(self) -> str:
        """The option by which a command finds this stack; empty where commands look by default."""
        return data_option(self.data)

    def see_log(self, name: str) -> str:
        """Return the words that name the log of a process."""
        return f"see `oo-ml logs {name}{self.data_option}`"

    @property
    def nats_url(self) -> str:
        """The URL of NATS."""
        return f"nats://127.0.0.1:{self.at('nats')}"

    @property
    def store_url(self) -> str:
        """The URL of the effect store, a SQLite file."""
        return f"sqlite:///{self.data / 'effects.db'}"

    @property
    def lake_url(self) -> str:
        """The folder of the offline log's Delta Lake tables."""
        return str(self.data / "lake")

    @property
    def run(self) -> Path:
        """The folder of what is made anew at each start."""
        return self.data / "run"

    @property
    def logs(self) -> Path:
        """The folder of the processes' logs."""
        return self.data / "logs"


def check_ports(layout: Layout) -> None:
    """Check that nobody else listens on one of our ports.

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
