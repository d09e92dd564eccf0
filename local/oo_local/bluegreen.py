"""Predictors that change without a gap: a new version starts in the free one of two slots, beside the old one.

Calls go to it only when it has loaded and answered as itself, and the old one stops only when no call is left there. A
version that does not become ready changes nothing but the warnings.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from oo_local import envoy, envoy_admin
from oo_local.envoy import Split
from oo_local.group import NotReady, ProcessGroup
from oo_local.layout import SLOTS, shadow_of
from oo_local.process import ManagedProcess
from oo_local.served_versions import ServedVersions, model_metadata
from oo_local.stack import Stack

__all__ = ["Deployment", "Predictors"]

MAX_EXITS = 3  # exits of a new version, while an old one serves, after which it is given up
RETRY_DELAY_S = 60.0  # seconds before a version that was given up is tried again
ROUTE_TIMEOUT_S = 20.0  # seconds for both Envoys to take the split over; a frozen one must not block a rollback
ROUTE_DELAY_S = 0.5  # seconds from Envoy's main thread to the threads that route
DRAIN_TIMEOUT_S = 30.0  # seconds, longer than any call may take
POLL_INTERVAL_S = 0.1


@dataclass(frozen=True, slots=True)
class Deployment:
    """A version in one of the slots of its service, and the feature set that it was trained on."""

    slot: str
    version: str
    feature_set: str | None


@dataclass(slots=True)
class Predictors:
    """The services `predictor` (of the champion) and `challenger`, and the split between them.

    `wanted` is what the registry names; `deployments` is what serves, and `warnings` says why that is something else.
    `feature_set` is the one that the transformers compute, as `name@fingerprint`.
    """

    stack: Stack
    group: ProcessGroup
    feature_set: str
    wanted: ServedVersions = field(default_factory=ServedVersions)
    deployments: dict[str, Deployment] = field(default_factory=dict)
    warnings: dict[str, str] = field(default_factory=dict)
    mismatch: str | None = None
    _retry_at: dict[tuple[str, str], float] = field(default_factory=dict)
    _split_version: str = ""

    @property
    def served(self) -> ServedVersions:
        """The versions that get calls, and copies of calls."""
        versions = {name: deployment.version for name, deployment in self.deployments.items()}
        return ServedVersions(versions.get("predictor"), versions.get("challenger"))

    async def serve_wanted(self, name: str) -> bool:
        """Have a service serve what the registry names, and return whether anything changed.

        A version that does not become ready is a warning, and the one before goes on; it is tried again only after a
        while. The services do not wait for each other.
        """
        before = self.served, dict(self.warnings)
        version = self.wanted_version(name)
        if version == self.served.version(name):
            self._forget(name)
        elif version is None:
            await self._withdraw(name)
        elif asyncio.get_running_loop().time() >= self._retry_at.get((name, version), 0):
            await self._try(name, version)
        return before != (self.served, self.warnings)

    def wanted_version(self, name: str) -> str | None:
        """Return the version that a service should serve.

        A champion is not its own challenger, and a missing champion is no successor: the one before goes on.
        """
        if name == "predictor":
            return self.wanted.champion or self.served.champion
        if self.wanted.challenger == self.wanted.champion:
            return None
        return self.wanted.challenger

    async def _try(self, name: str, version: str) -> None:
        try:
            await self.deploy(name, version)
        except NotReady as error:
            old = self.served.version(name)
            goes_on = f"version {old} goes on" if old else "and no other is"
            self.warnings[name] = f"{name}: version {version} is not served, {goes_on}: {error}"
            self._retry_at[name, version] = asyncio.get_running_loop().time() + RETRY_DELAY_S
        else:
            self._forget(name)

    def _forget(self, name: str) -> None:
        self.warnings.pop(name, None)
        self._retry_at = {key: retry_at for key, retry_at in self._retry_at.items() if key[0] != name}

    async def deploy(self, name: str, version: str) -> None:
        """Have one version served by a service; the version before stops when its last call is answered.

        Raises:
            NotReady: it did not become ready, or answers as something else; then nothing has changed.
        """
        before = self.deployments.get(name)
        slot = next(slot for slot in SLOTS[name] if before is None or slot != before.slot)
        key = name if before is None else f"{name} (next)"
        self.group.launch(self.stack.predictor(name, slot, version), key)
        try:
            await self.group.wait_ready(key, self._given_up(name, version))
            self.deployments[name] = await self._verified(slot, name, version, first=before is None)
        except NotReady:
            await self.group.stop(key)
            raise
        if before is not None:
            self.group.succeed(name, key, f"{name} (old)")
        await self._route()
        if before is not None:
            await self._retire(f"{name} (old)", before.slot)

    def _given_up(self, name: str, version: str) -> Callable[[ManagedProcess], str | None]:
        """Return the function that says why a version is given up.

        Without a champion there is nothing to go back to: then a process that ends is started again and again.
        """

        def reason(running: ManagedProcess) -> str | None:
            if self.served.champion is None:
                return None
            if self.wanted_version(name) != version:
                return "the registry names another version by now"
            if running.restarts >= MAX_EXITS:
                log = self.stack.layout.see_log(name)
                return f"it ended {running.restarts} times, last with exit code {running.last_exit}: {log}"
            return None

        return reason

    async def _verified(self, slot: str, name: str, version: str, *, first: bool) -> Deployment:
        """Return the deployment of a ready process, after it has named the version that it serves.

        It has loaded and tried the model before it listens; whether that is the one that was meant, it says itself.

        Raises:
            NotReady: it serves another version, or one of other features.
        """
        metadata = await asyncio.to_thread(model_metadata, self.stack.layout.url(slot))
        if metadata is None or metadata.get("version") != version:
            raise NotReady(f"{name} answers as {metadata}, not as version {version}: {self.stack.layout.see_log(name)}")
        deployment = Deployment(slot, version, metadata.get("feature_set"))
        if name == "predictor":
            self._check_features(deployment, first=first)
        return deployment

    def _check_features(self, champion: Deployment, *, first: bool) -> None:
        """Check that the champion was trained on the features that this code computes.

        A champion of other features answers no call: it is better than none, but it replaces no other.

        Raises:
            NotReady: it would replace another version.
        """
        if champion.feature_set in {None, self.feature_set}:
            self.mismatch = None
            return
        differ = f"was trained on {champion.feature_set}, and this code computes {self.feature_set}"
        if not first:
            raise NotReady(f"version {champion.version} {differ}")
        self.mismatch = f"the champion, version {champion.version}, {differ}"

    async def _withdraw(self, name: str) -> None:
        before = self.deployments.pop(name)
        await self._route()
        await self._retire(name, before.slot)
        self._forget(name)

    async def _route(self) -> None:
        """Route the split to the deployments, and return when every Envoy that runs does so."""
        slots = {name: deployment.slot for name, deployment in self.deployments.items()}
        split = Split(slots.get("predictor", "predictor"), slots.get("challenger"))
        layout = self.stack.layout
        self._split_version = envoy.write_split(layout, self.stack.values, split)
        await _until(lambda: envoy_admin.split_taken_over(layout, self._split_version), ROUTE_TIMEOUT_S)

    async def _retire(self, key: str, slot: str) -> None:
        """Stop a predictor that gets no new calls, once its last call is answered."""
        await asyncio.sleep(ROUTE_DELAY_S)
        await _until(lambda: not envoy_admin.active_calls(self.stack.layout, (slot, shadow_of(slot))), DRAIN_TIMEOUT_S)
        await self.group.stop(key)


async def _until(condition: Callable[[], bool], timeout_s: float) -> None:
    """Return when the condition holds, or after the timeout: a process that hangs must not block the others."""
    loop = asyncio.get_running_loop()
    end = loop.time() + timeout_s
    while not await asyncio.to_thread(condition) and loop.time() < end:
        await asyncio.sleep(POLL_INTERVAL_S)
