"""This module says what a pin is: one for all pods of a ReplicaSet, so that a later one serves what its neighbours do.

The pin is a ConfigMap (`oo_predictors.replica_set_pins`) which the first pod makes and the others read. It belongs to
the ReplicaSet: a new rollout
resolves its reference anew, `kubectl rollout undo` finds the old pin, and with the ReplicaSet the pin goes.
"""

from __future__ import annotations

from typing import Protocol

from pydantic import BaseModel, ConfigDict

__all__ = ["NoPins", "Pin", "Pins"]


class Pin(BaseModel):
    """The version that a reference was resolved to; in a folder, the version that was fetched into it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reference: str
    name: str
    version: str
    digest: str


class Pins(Protocol):
    """The pin on which the pods of a ReplicaSet agree."""

    def current(self) -> Pin | None:
        """Return the pin that is agreed on, or None while there is none."""

    def ensure(self, pin: Pin) -> Pin:
        """Return the pin that holds from now on: this one, or the one that a neighbour made first."""
        ...


class NoPins:
    """The pins of a folder of one's own, where there are no neighbours to agree with."""

    def current(self) -> Pin | None:
        """Return None, since nobody pins anything here."""
        return None

    def ensure(self, pin: Pin) -> Pin:
        """Return the pin itself, since there are no neighbours."""
        return pin
