"""The definitions of experiments as the transformers see them: those of files, overridden by those of NATS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from oo_decisions.experiment_overlay import Definition, ExperimentOverlay, definitions_by_key
from oo_experiments.assignment.experiment import Experiment, load_experiments
from oo_prompts.prompt_registry import load_prompts

from oo_cli.terminal import warn

__all__ = ["DefinitionEntry", "definitions_with"]


@dataclass(frozen=True, slots=True)
class DefinitionEntry:
    """One definition, where it comes from, and whether it runs now."""

    key: str
    source: str
    item: Definition

    @property
    def state(self) -> str:
        """The state of an experiment now: running, not yet, or stopped; a holdout always runs."""
        if not isinstance(self.item, Experiment):
            return "running"
        now = datetime.now(UTC)
        if self.item.runs(now):
            return "running"
        if self.item.status == "running" and self.item.start and now < self.item.start:
            return "not yet"
        return "stopped"

    def plain(self) -> dict[str, Any]:
        """Return the entry for JSON."""
        return {"key": self.key, "source": self.source, "state": self.state} | self.item.model_dump(mode="json")


def definitions_with(bucket: Mapping[str, Sequence[bytes]]) -> dict[str, DefinitionEntry]:
    """Return the definitions in force: those of the files, and over them those of the bucket, by its revisions.

    A bad one leaves the one before it in force, with a warning.
    """
    overlay = ExperimentOverlay().updated(bucket, frozenset(load_prompts()))
    for error in overlay.refused.values():
        warn(f"left as it was: experiment {error}")
    return {
        key: DefinitionEntry(key, "nats" if key in overlay.in_force else "file", item)
        for key, item in overlay.over(definitions_by_key(*load_experiments())).items()
    }
