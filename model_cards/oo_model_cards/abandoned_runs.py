"""The runs that trainings left open when they were killed: the next training closes them.

A training that finds a run RUNNING closes it

- at once, if its process can be seen from here (same host, boot and PID namespace) and is gone;
- if it cannot be seen, once the lease is over;
- if it names no process, for an earlier version opened it, after UNLEASED_S: far longer than publishing takes.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from mlflow import MlflowClient
from mlflow.entities import Run
from pydantic import ValidationError

from oo_model_cards.process_identity import ProcessIdentity, is_running
from oo_model_cards.training_run import LEASE_TAG, PROCESS_TAG, Clock, TrainingRun, close_run, run_name

__all__ = ["UNLEASED_S", "close_abandoned"]

UNLEASED_S = 86_400.0
PAGE_SIZE = 1_000  # runs per request


def close_abandoned(client: MlflowClient, experiment: str, model: str, clock: Clock) -> dict[str, str]:
    """Close the abandoned runs of a model's trainings, and return run ids with the reasons; other runs are left
    alone."""
    abandoned = [(run, why) for run in _running(client, experiment, model) if (why := _why_abandoned(run, clock()))]
    for run, why in abandoned:
        close_run(TrainingRun(client, run.info.run_id, experiment, model, run.info.start_time), "KILLED", why)
    return {run.info.run_id: why for run, why in abandoned}


def _running(client: MlflowClient, experiment: str, model: str) -> list[Run]:
    condition = f"attributes.status = 'RUNNING' and attributes.run_name = '{run_name(model)}'"
    runs, token = [], None
    while True:
        page = client.search_runs([experiment], condition, max_results=PAGE_SIZE, page_token=token)
        runs.extend(page)
        token = page.token
        if not token:
            return runs


def _why_abandoned(run: Run, instant: datetime) -> str | None:
    """Return why nobody works on the run any more; None if somebody does, or might."""
    tags = run.data.tags
    try:
        process = ProcessIdentity.model_validate_json(tags[PROCESS_TAG])
        until = datetime.fromisoformat(tags[LEASE_TAG])
    except (KeyError, ValueError, ValidationError):
        return _why_unleased(run, instant)
    where = f"process {process.pid} on {process.host}"
    match is_running(process):
        case True:
            return None
        case False:
            return f"{where} ended without closing it"
        case _:
            return f"the lease of {where} ended at {until.isoformat()}" if until < instant else None


def _why_unleased(run: Run, instant: datetime) -> str | None:
    begun = datetime.fromtimestamp(run.info.start_time / 1000, UTC)
    old = instant - begun > timedelta(seconds=UNLEASED_S)
    return f"it names no process and began at {begun.isoformat(timespec='seconds')}" if old else None
