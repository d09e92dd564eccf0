"""One pin for all pods of a ReplicaSet, so that a pod made later serves what its neighbours serve.

The pin is a ConfigMap which the first pod makes and the others read. It belongs to the ReplicaSet: a new rollout
resolves its reference anew, `kubectl rollout undo` finds the old pin, and with the ReplicaSet the pin goes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Protocol

from oo_model_cards.artifact import Tampered
from oo_model_cards.version import Unavailable
from pydantic import BaseModel, ConfigDict, ValidationError

__all__ = ["NoPins", "Pin", "Pins", "ReplicaSetPins", "in_cluster"]

PATIENCE = 10  # seconds for the API server


class Pin(BaseModel):
    """What a reference was resolved to. In a folder: what was fetched into it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reference: str
    name: str
    version: str
    digest: str


class Pins(Protocol):
    """What pods agree on."""

    def kept(self) -> Pin | None: ...

    def keep(self, pin: Pin) -> Pin:
        """The pin that holds from now on: this one, or the one that a neighbour kept first."""
        ...


class NoPins:
    """For a folder of one's own: there are no neighbours."""

    def kept(self) -> Pin | None:
        return None

    def keep(self, pin: Pin) -> Pin:
        return pin


@dataclass(frozen=True, slots=True)
class ReplicaSetPins:
    """A ConfigMap named after the ReplicaSet that owns this pod. `core` is a `kubernetes.client.CoreV1Api`."""

    core: Any
    namespace: str
    owner: Any

    @property
    def name(self) -> str:
        return f"{self.owner.name}-model"

    def kept(self) -> Pin | None:
        """What the ConfigMap says, if it is there.

        Raises:
            Tampered: it is there and is no pin.
            Unavailable: the API server does not answer, or refuses.
        """
        found = _answer(
            lambda: self.core.read_namespaced_config_map(self.name, self.namespace, _request_timeout=PATIENCE),
            HTTPStatus.NOT_FOUND,
        )
        if found is None:
            return None
        try:
            return Pin.model_validate(found.data)
        except ValidationError:
            raise Tampered(f"ConfigMap {self.name} is not a pin") from None

    def keep(self, pin: Pin) -> Pin:
        """Make the ConfigMap; the API server lets only one pod do so."""
        made = _answer(
            lambda: self.core.create_namespaced_config_map(
                self.namespace, self._config_map(pin), _request_timeout=PATIENCE
            ),
            HTTPStatus.CONFLICT,
        )
        return pin if made is not None else (self.kept() or pin)

    def _config_map(self, pin: Pin) -> dict[str, Any]:
        owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": self.owner.name, "uid": self.owner.uid}
        labels = {"app.kubernetes.io/part-of": "oo-ml", "app.kubernetes.io/component": "model-pin"}
        meta = {"name": self.name, "labels": labels, "ownerReferences": [owner]}
        return {"metadata": meta, "data": pin.model_dump(), "immutable": True}


def in_cluster(pod: str, namespace: str) -> Pins:
    """The pins of the ReplicaSet that owns a pod; a pod without one has no neighbours.

    Raises:
        Unavailable: this is no pod, or the API server does not answer.
    """
    from kubernetes import client, config  # noqa: PLC0415  # a second to import, and only a pod needs it

    try:
        config.load_incluster_config()
    except config.ConfigException as error:
        raise Unavailable(f"not in a cluster: {error}") from error
    core = client.CoreV1Api()
    found = _answer(lambda: core.read_namespaced_pod(pod, namespace, _request_timeout=PATIENCE))
    owners = [owner for owner in found.metadata.owner_references or () if owner.kind == "ReplicaSet"]
    return ReplicaSetPins(core, namespace, owners[0]) if owners else NoPins()


def _answer(call: Callable[[], Any], expected: HTTPStatus | None = None) -> Any:
    """What the API server says; None for the expected refusal."""
    from kubernetes.client import ApiException  # noqa: PLC0415  # as above
    from urllib3.exceptions import HTTPError  # noqa: PLC0415  # as above

    try:
        return call()
    except ApiException as error:
        if expected is not None and error.status == expected:
            return None
        raise Unavailable(f"the API server says {error.status} {error.reason}") from error
    except HTTPError as error:
        raise Unavailable(f"the API server does not answer: {error}") from error
