"""The first calls to a stack that has just started: what they answer, and what to try next."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from oo_contracts.stack_status import data_option, read_status
from rich.markup import escape

from oo_cli.http_calls import EXAMPLE, CallFailed, TimedReply, post
from oo_cli.render_reply import score_table, tip_panel
from oo_cli.terminal import console

__all__ = ["show_first_calls"]

MAX_FIRST_CALLS = 5


def show_first_calls(data: Path, ingress: str, mlflow_url: str) -> bool:
    """Call `/score` and `/generate` once through the ingress, and print what to try next.

    Returns whether a model gave the scores.
    """
    body = json.loads(EXAMPLE.read_text())
    try:
        scored, written = _scored(ingress, body), post(f"{ingress}/generate", body)
    except CallFailed as error:
        console.print(f"[red]the first call failed:[/] {error}", soft_wrap=True)
        return False
    titles = {task["id"]: task["content"] for task in body["tasks"]}
    console.print(score_table(scored.reply, titles, scored.milliseconds))
    console.print(tip_panel(written.reply, written.milliseconds))
    if reason := scored.reply["degraded"]:
        console.print(f"[red]oo-ml:[/] {escape(_why_degraded(data, reason))}", soft_wrap=True)
        return False
    console.print(_next_steps(data, ingress, mlflow_url), soft_wrap=True)
    return True


def _scored(ingress: str, body: dict[str, Any]) -> TimedReply:
    """Return a response by a model, if one of the first few is: the very first may take longer than its budget."""
    called = post(f"{ingress}/score", body)
    for _ in range(MAX_FIRST_CALLS - 1):
        if called.reply["degraded"] is None:
            break
        called = post(f"{ingress}/score", body)
    return called


def _why_degraded(data: Path, reason: str) -> str:
    status = read_status(data)
    if status is not None and status.warnings:
        return status.warnings[0]
    budget = f"within {os.environ.get('OO_TRANSFORMER_BUDGET_MS', '40')} ms"
    return (
        f"the first answers are degraded ({reason}): no model answered {budget}; `OO_TRANSFORMER_BUDGET_MS` gives it "
        f"longer, and `oo-ml logs predictor{data_option(data)}` says more"
    )


def _next_steps(data: Path, ingress: str, mlflow_url: str) -> str:
    score_command = f".venv/bin/oo-ml score{data_option(data)}"
    return f"""
[bold]next[/]
  curl {ingress}/score -H 'content-type: application/json' -d @{os.path.relpath(EXAMPLE)}
  {score_command:<32} the same, explained; `generate`, `status`, `logs`, `train --help`
  {mlflow_url:<32} MLflow: runs, versions, cards
"""
