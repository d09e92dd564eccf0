"""This module keeps a pin in the ConfigMap of a ReplicaSet, by Kubernetes' client, which takes a second to import."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from kubernetes import client, config
from kubernetes.client import ApiException
from oo_model_cards.artifact import DigestMismatch
from oo_model_cards.version import RegistryUnavailable
from pydantic import ValidationError
from urllib3.exceptions import HTTPError

from oo_predictors.pins import NoPins, Pin, Pins

__all__ = ["ReplicaSetPins", "in_cluster"]

TIMEOUT_S = 10  # seconds for the API server


@dataclass(frozen=True, slots=True)
class ReplicaSetPins:
    """A ConfigMap named after the ReplicaSet that owns this pod. `core` is a `kubernetes.client.CoreV1Api`."""

    core: Any
    namespace: str
    owner: Any

    @property
    def name(self) -> str:
        """The name of the ConfigMap."""
        return f"{self.owner.name}-model"

    def current(self) -> Pin | None:
        """Return the pin in the ConfigMap, or None while there is none.

        Raises:
            DigestMismatch: the ConfigMap is not a pin.
            RegistryUnavailable: the API server does not answer, or refuses.
        """
        config_map = _answer(
            lambda: self.core.read_namespaced_config_map(self.name, self.namespace, _request_timeout=TIMEOUT_S),
            HTTPStatus.NOT_FOUND,
        )
        if config_map is None:
            return None
        try:
            return Pin.model_validate(config_map.data)
        except ValidationError:
            raise DigestMismatch(f"ConfigMap {self.name} is not a pin") from None

    def ensure(self, pin: Pin) -> Pin:
        """Make the ConfigMap, and return the pin that holds; the API server lets only one pod make it.

        Raises:
            RegistryUnavailable: the API server does not answer, or refuses.
        """
        created = _answer(
            lambda: self.core.create_namespaced_config_map(
                self.namespace, self._config_map(pin), _request_timeout=TIMEOUT_S
            ),
            HTTPStatus.CONFLICT,
        )
        return pin if created is not None else (self.current() or pin)

    def _config_map(self, pin: Pin) -> dict[str, Any]:
        owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": self.owner.name, "uid": self.owner.uid}
        labels = {"app.kubernetes.io/part-of": "oo-ml", "app.kubernetes.io/component": "model-pin"}
        meta = {"name": self.name, "labels": labels, "ownerReferences": [owner]}
        return {"metadata": meta, "data": pin.model_dump(), "immutable": True}


def in_cluster(pod: str, namespace: str) -> Pins:
    """Return the pins of the ReplicaSet that owns a pod; a pod without one has no neighbours.

    Raises:
        RegistryUnavailable: this is no pod, or the API server does not answer.
    """
    try:
        config.load_incluster_config()
    except config.ConfigException as error:
        raise RegistryUnavailable(f"not in a cluster: {error}") from error
    core = client.CoreV1Api()
    this_pod = _answer(lambda: core.read_namespaced_pod(pod, namespace, _request_timeout=TIMEOUT_S))
    owners = [owner for owner in this_pod.metadata.owner_references or () if owner.kind == "ReplicaSet"]
    return ReplicaSetPins(core, namespace, owners[0]) if owners else NoPins()


def _answer(call: Callable[[], Any], expected: HTTPStatus | None = None) -> Any:
    """Return what the API server answers, or None for the expected refusal."""
    try:
        return call()
    except ApiException as error:
        if expected is not None and error.status == expected:
            return None
        raise RegistryUnavailable(f"the API server says {error.status} {error.reason}") from error
    except HTTPError as error:
        raise RegistryUnavailable(f"the API server does not answer: {error}") from error
