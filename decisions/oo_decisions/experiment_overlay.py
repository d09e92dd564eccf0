"""Which definitions of experiments are in force: those of files, and over them those of a bucket.

A definition that cannot be used leaves the one before it of its key in force: an earlier revision in the bucket, else
what this process knew, else the file's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from oo_experiments.assignment.assignment import ActiveExperiments
from oo_experiments.assignment.experiment import (
    HOLDOUT,
    BadExperiment,
    Experiment,
    Holdout,
    parse_definition,
)
from oo_experiments.policies.beliefs import Beliefs

__all__ = ["Definition", "ExperimentOverlay", "active_experiments", "definitions_by_key", "require_known_prompts"]

Definition = Experiment | Holdout


@dataclass(frozen=True, slots=True)
class ExperimentOverlay:
    """The definitions of a bucket that are in force, by key, and why the newest of a key is not, where it is not."""

    in_force: Mapping[str, Definition] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)

    def updated(
        self, revisions: Mapping[str, Sequence[bytes]], prompts: frozenset[str] | None = None
    ) -> ExperimentOverlay:
        """Return the overlay by what the bucket holds now: the revisions of each key, newest first.

        `prompts` are the prompt versions that exist, None where they are not known and any is believed.
        """
        in_force: dict[str, Definition] = {}
        refused: dict[str, str] = {}
        for key, values in revisions.items():
            usable, error = _newest_usable(key, values, prompts)
            definition = usable or self.in_force.get(key)
            if definition is not None:
                in_force[key] = definition
            if error is not None:
                refused[key] = error
        return ExperimentOverlay(in_force, refused)

    def over(self, files: Mapping[str, Definition]) -> dict[str, Definition]:
        """Return all definitions in force, by key in order; those of the bucket stand before those of files."""
        return dict(sorted({**files, **self.in_force}.items()))


def definitions_by_key(experiments: Sequence[Experiment], holdout: Holdout | None) -> dict[str, Definition]:
    """Return what `load_experiments` reads of files as definitions by key."""
    definitions: dict[str, Definition] = {item.key: item for item in experiments}
    return definitions if holdout is None else definitions | {HOLDOUT: holdout}


def active_experiments(
    definitions: Mapping[str, Definition], beliefs: Mapping[str, Beliefs] | None = None
) -> ActiveExperiments:
    """Return what a process decides by; experiments are asked in the order of their keys, wherever they are from."""
    holdout = definitions.get(HOLDOUT)
    experiments = (definitions[key] for key in sorted(definitions))
    return ActiveExperiments(
        tuple(item for item in experiments if isinstance(item, Experiment)),
        holdout if isinstance(holdout, Holdout) else None,
        beliefs or {},
    )


def require_known_prompts(definition: Definition, prompts: frozenset[str]) -> Definition:
    """Return the definition, if every prompt version that it names exists.

    Raises:
        BadExperiment: a version does not exist.
    """
    if isinstance(definition, Experiment) and (unknown := sorted(set(definition.prompts) - prompts)):
        known_versions = ", ".join(sorted(prompts))
        raise BadExperiment(f"{definition.key}: prompts: there is no version {unknown[0]}; known are {known_versions}")
    return definition


def _newest_usable(
    key: str, values: Sequence[bytes], prompts: frozenset[str] | None
) -> tuple[Definition | None, str | None]:
    """Return the newest definition that can be used, and why the newest of all cannot, where that is another one."""
    newest_error: str | None = None
    for value in values:
        try:
            definition = parse_definition(key, value)
            return (definition if prompts is None else require_known_prompts(definition, prompts)), newest_error
        except BadExperiment as error:
            newest_error = newest_error or str(error)
    return None, newest_error
