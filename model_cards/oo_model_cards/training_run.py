"""A training's run in MLflow: open while its process lives.

A run names its process, and holds a lease of LEASE_S that it renews each RENEWAL_S. What it leaves when it is closed
without having FINISHED is undone first and its status written last, so that a closing that is killed in between is
taken up by the next. Model versions of it that no alias names are deleted, logged models that were not finished are
FAILED. A version is whole, with its card, before its run is FINISHED, so one whose run is not was never offered to
anybody.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from mlflow import MlflowClient
from mlflow.entities import LoggedModelStatus
from mlflow.exceptions import MlflowException

from oo_model_cards.process_identity import current
from oo_model_cards.version import RegistryError

__all__ = [
    "CLOSED_TAG",
    "LEASE_S",
    "LEASE_TAG",
    "PROCESS_TAG",
    "RENEWAL_S",
    "Clock",
    "TrainingRun",
    "close_run",
    "now",
    "open_run",
    "run_name",
]

PROCESS_TAG = "oo.process"
LEASE_TAG = "oo.lease_until"
CLOSED_TAG = "oo.closed_because"
LEASE_S = 900.0
RENEWAL_S = 60.0

log = logging.getLogger(__name__)
Clock = Callable[[], datetime]


def now() -> datetime:
    """Return the present instant in UTC; this is the default clock."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """An open run; `start_time` is in milliseconds since 1970."""

    client: MlflowClient
    run_id: str
    experiment: str
    model: str
    start_time: int

    def check(self) -> None:
        """Check that the run is still open, before something is made that others see.

        Raises:
            RegistryError: somebody closed the run, because its lease was over.
        """
        run = self.client.get_run(self.run_id)
        if run.info.status != "RUNNING":
            raise RegistryError(f"run {self.run_id} was closed: {run.data.tags.get(CLOSED_TAG, run.info.status)}")


@contextmanager
def open_run(client: MlflowClient, experiment: str, model: str, clock: Clock) -> Iterator[TrainingRun]:
    """Open a run that is FINISHED when the block is done; when the block fails, it is FAILED and leaves no version.

    Raises:
        RegistryError: somebody closed the run meanwhile.
    """
    tags = {PROCESS_TAG: current().model_dump_json(), LEASE_TAG: _lease(clock)}
    info = client.create_run(experiment, run_name=run_name(model), tags=tags).info
    run = TrainingRun(client, info.run_id, experiment, model, info.start_time)
    with _renew(run, clock):
        try:
            yield run
            run.check()
        except BaseException as error:
            _close_failed(run, f"{type(error).__name__}: {error}")
            raise
    client.set_terminated(run.run_id, "FINISHED")


def run_name(model: str) -> str:
    """Return the name of every run that trains a model."""
    return f"train {model}"


def _lease(clock: Clock) -> str:
    return (clock() + timedelta(seconds=LEASE_S)).isoformat()


@contextmanager
def _renew(run: TrainingRun, clock: Clock) -> Iterator[None]:
    over = threading.Event()

    def renew() -> None:
        while not over.wait(RENEWAL_S):
            try:
                run.client.set_tag(run.run_id, LEASE_TAG, _lease(clock))
            except (MlflowException, OSError) as error:
                log.warning("the lease of run %s was not renewed: %s", run.run_id, error)

    thread = threading.Thread(target=renew, name=f"lease of {run.run_id}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _close_failed(run: TrainingRun, why: str) -> None:
    """Close a run after an error of ours, which must not be hidden: MLflow may be its reason and not answer here
    either."""
    try:
        close_run(run, "FAILED", why)
    except (MlflowException, OSError) as error:
        log.warning("run %s stays open until a next training closes it: %s", run.run_id, error)


def close_run(run: TrainingRun, status: str, why: str) -> None:
    """Undo what the run left, then end it; each step may have been done before, by us or somebody else."""
    removed = _remove_versions(run)
    for model in _unfinished_models(run):
        run.client.finalize_logged_model(model, LoggedModelStatus.FAILED)
    reason = f"{why}; removed version {', '.join(removed)}" if removed else why
    _say_why(run, reason)
    run.client.set_terminated(run.run_id, status)
    log.warning("run %s of %s is closed as %s: %s", run.run_id, run.model, status, reason)


def _say_why(run: TrainingRun, reason: str) -> None:
    """Write why the run was closed; of two that write it at once, MLflow's database refuses one."""
    try:
        run.client.set_tag(run.run_id, CLOSED_TAG, reason)
    except MlflowException:
        if CLOSED_TAG not in run.client.get_run(run.run_id).data.tags:
            raise


def _remove_versions(run: TrainingRun) -> list[str]:
    """Delete the versions of the run that no alias names, and return their numbers."""
    removed = []
    for version in run.client.search_model_versions(f"name = '{run.model}' and run_id = '{run.run_id}'"):
        number = str(version.version)
        if number in _aliased(run):
            log.warning("version %s of %s stays: an alias names it", number, run.model)
            continue
        try:
            run.client.delete_model_version(run.model, number)
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":  # two trainings that start at once both do this
                raise
        removed.append(number)
    return removed


def _aliased(run: TrainingRun) -> set[str]:
    return {str(number) for number in run.client.get_registered_model(run.model).aliases.values()}


def _unfinished_models(run: TrainingRun) -> list[str]:
    models = run.client.search_logged_models([run.experiment], f"source_run_id = '{run.run_id}'")
    return [str(model.model_id) for model in models if model.status == LoggedModelStatus.PENDING]
