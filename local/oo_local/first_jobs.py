"""The batch jobs of a first start: a week of simulated events, and the first model that is trained on them."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Protocol

from oo_local.stack import Stack

__all__ = ["FIRST_JOBS", "ProgressReporter", "StartFailed", "run_job"]

FIRST_JOBS = {  # what a job is called, and the command of the pipelines
    "simulating a first week of events": "simulate",
    "training tip-ranker and registering it with its card": "train",
}
REPORT_INTERVAL_S = 0.3


class StartFailed(Exception):
    """The stack could not be started; the message says what and where to look."""


class ProgressReporter(Protocol):
    """What tells a person of the progress."""

    def ready(self, name: str, seconds: float) -> None:
        """Report that a part is ready, and after how many seconds."""

    def working(self, text: str) -> None:
        """Report what is being done."""

    def detail(self, text: str) -> None:
        """Report a detail of what is being done."""

    def done(self, text: str) -> None:
        """Report that something is done."""

    def warn(self, text: str) -> None:
        """Report a warning."""


async def run_job(stack: Stack, progress: ProgressReporter, title: str, name: str) -> None:
    """Run a batch job of the pipelines, its output in a log, and report how far it is.

    Raises:
        StartFailed: the job failed.
    """
    progress.working(title)
    command, environ = stack.pipeline(name)
    log = stack.layout.logs / f"{name}.log"
    with log.open("ab") as out:
        child = await asyncio.create_subprocess_exec(*command, env=environ, stdout=out, stderr=out)
        reporting = asyncio.create_task(_report(progress, title, log))
        try:
            code = await child.wait()
        except asyncio.CancelledError:
            child.terminate()
            await child.wait()
            raise
        finally:
            reporting.cancel()
    if code != 0:
        raise StartFailed(f"{title} failed: {stack.layout.see_log(name)}")
    progress.done(title)


async def _report(progress: ProgressReporter, title: str, log: Path) -> None:
    """Report the job's own progress, as it stands at the end of its log."""
    while True:
        await asyncio.sleep(REPORT_INTERVAL_S)
        last = await asyncio.to_thread(_last_words, log)
        progress.detail(f"{title}: {last}")


def _last_words(log: Path) -> str:
    """Return the last line of a log, or what stands on it since it was last overwritten."""
    return re.split(r"[\r\n]|\x1b\[K", log.read_text(errors="replace").rstrip())[-1]
