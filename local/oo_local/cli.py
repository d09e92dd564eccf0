"""The command line. Heavy things are imported by the command that needs them, so that `--help` is quick."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from oo_local import show
from oo_local.calls import EXAMPLE, Called, CallFailed, post
from oo_local.contract.command import contract
from oo_local.doctor import checks
from oo_local.experiments import experiment
from oo_local.features import features
from oo_local.layout import Layout
from oo_local.ope import ope
from oo_local.plan import plan
from oo_local.report import report
from oo_local.rewards import rewards
from oo_local.show import Output
from oo_local.terminal import HERE, Data, Form, console, refuse, running, say, stack_at

__all__ = ["app"]

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="""oO/ml on one machine.

    `oo-ml up` starts everything, `oo-ml score` and `oo-ml generate` ask it, `oo-ml train` teaches it.

    Examples: `oo-ml up --detach --port 9000` · `oo-ml status --output json` · `oo-ml logs transformer-1 -f`
    """,
)
app.add_typer(contract, name="contract")
app.add_typer(experiment, name="experiment")
app.add_typer(features, name="features")
app.add_typer(report, name="report")
app.add_typer(rewards, name="rewards")
app.command()(plan)
app.command()(ope)


Port = Annotated[
    int | None,
    typer.Option(
        min=1024, max=65_000, help="Port of the ingress (as last time, else 8080); the 15 after it are used too."
    ),
]
File = Annotated[Path | None, typer.Argument(help="A JSON body; `-` reads standard input; without it, an example.")]


@app.command()
def up(
    data: Data = HERE,
    port: Port = None,
    detach: Annotated[
        bool, typer.Option("--detach", "-d", help="Return when it is ready; `oo-ml down` stops it.")
    ] = False,
    answers: Annotated[bool, typer.Option("--answers/--no-answers", hidden=True)] = True,
) -> None:
    """Start everything and keep it running; Ctrl-C stops it.

    The first time it simulates a week of events and trains a model. Later starts take seconds and keep the data.
    """
    from oo_local.start import detached, foreground  # noqa: PLC0415  # rich progress, asyncio, processes

    before = stack_at(data)
    if before is not None and before.running:
        refuse(f"already running at {before.ingress} (process {before.pid}): `oo-ml status`, `oo-ml down`", 1)
    layout = Layout(data.absolute(), port or (before.port if before else 8080))
    raise typer.Exit(detached(layout, console) if detach else foreground(layout, console, answers=answers))


@app.command()
def down(data: Data = HERE) -> None:
    """Stop a detached stack, everything in reverse order. Its data stays."""
    from oo_local.start import stopped  # noqa: PLC0415

    status = stack_at(data)
    if status is None or not status.running:
        console.print("nothing is running")
        return
    if not stopped(status):
        refuse(f"process {status.pid} did not end; see {status.data}/logs", 1)
    console.print("stopped")


@app.command()
def status(data: Data = HERE, output: Form = Output.TABLE) -> None:
    """What runs, since when, and how often it had to be restarted. Exit code 1 when the stack is not ready."""
    found = stack_at(data)
    if found is None:
        refuse(f"there has never been a stack on {data}: `oo-ml up`", 1)
    if output is Output.JSON:
        say(asdict(found) | {"running": found.running})
    else:
        console.print(show.stack(found))
    raise typer.Exit(0 if found.running and found.phase == "ready" else 1)


@app.command()
def logs(
    name: Annotated[str | None, typer.Argument(help="A process; without it, the list of logs.")] = None,
    data: Data = HERE,
    lines: Annotated[int, typer.Option("-n", min=1, help="How many lines of the end.")] = 50,
    follow: Annotated[bool, typer.Option("-f", help="Go on as lines come.")] = False,
) -> None:
    """The end of a process's log."""
    folder = data.absolute() / "logs"
    known = sorted(path.stem for path in folder.glob("*.log"))
    if name is None:
        console.print("\n".join(known) if known else f"no logs in {folder}")
        return
    if name not in known:
        refuse(f"no log of {name}; there are {', '.join(known) or 'none yet'}")
    tail = ["tail", f"-n{lines}", *(["-f"] if follow else []), str(folder / f"{name}.log")]
    raise typer.Exit(subprocess.run(tail, check=False).returncode)  # noqa: S603  # our own arguments


@app.command()
def doctor(data: Data = HERE, port: Port = None) -> None:
    """Check programs, ports, disk and memory; each problem with its fix."""
    before = stack_at(data)
    found = list(checks(Layout(data.absolute(), port or (before.port if before else 8080)), before))
    for check in found:
        console.print(
            f"  [{'green' if check.ok else 'red'}]{'✓' if check.ok else '✗'}[/] {check.name:<14} {check.said}"
        )
    raise typer.Exit(0 if all(check.ok for check in found) else 1)


@app.command()
def score(file: File = None, data: Data = HERE, output: Form = Output.TABLE) -> None:
    """Rank tasks: one `POST /score`, explained."""
    body = _body(file)
    called = _call(data, "/score", body)
    titles = {str(task["id"]): task.get("content", "") for task in body.get("tasks", []) if "id" in task}
    _print(called, output, lambda: show.score(called.reply, titles, called.milliseconds))


@app.command()
def generate(
    file: File = None,
    data: Data = HERE,
    output: Form = Output.TABLE,
    prompt_version: Annotated[str | None, typer.Option(help="A version instead of the default.")] = None,
) -> None:
    """Write a tip: one `POST /generate`, explained."""
    body = _body(file) | ({"prompt_version": prompt_version} if prompt_version else {})
    called = _call(data, "/generate", body)
    _print(called, output, lambda: show.tip(called.reply, called.milliseconds))


@app.command()
def simulate(
    data: Data = HERE,
    days: Annotated[int, typer.Option(min=1, help="Whole days, ending the day before yesterday.")] = 7,
    users: Annotated[int, typer.Option(min=1)] = 250,
    seed: Annotated[int, typer.Option()] = 1,
) -> None:
    """Publish a simulated past to the running stack. The same seed counts nothing twice."""
    _pipeline(data, Output.TABLE, "simulate", f"--days={days}", f"--users={users}", f"--seed={seed}")


@app.command()
def train(
    data: Data = HERE,
    rewards_by: Annotated[str, typer.Option("--rewards", help="A released reward table, or a TOML file.")] = "v1",
    output: Form = Output.TABLE,
) -> None:
    """Train on all closed rounds and register the version; the gate decides its alias.

    A version after the first becomes the challenger: it gets copies of live calls, and nobody sees its answers.
    """
    _pipeline(data, output, "train", f"--rewards={rewards_by}")
    if output is Output.TABLE:
        console.print("next: `oo-ml status` shows the challenger being mirrored; its card is in MLflow, beside its run")


@app.command()
def replay(
    data: Data = HERE,
    *,
    since: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"], help="UTC unless it says so."),
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many, oldest first.")] = None,
    allow_other_fingerprints: Annotated[
        bool, typer.Option("--allow-other-fingerprints", help="Decisions of other features are counted, no more.")
    ] = False,
    allow_missing_models: Annotated[
        bool, typer.Option("--allow-missing-models", help="Values of models that are gone are counted, no more.")
    ] = False,
    output: Form = Output.TABLE,
) -> None:
    """Recompute every logged decision from its event alone, and compare bit for bit.

    Exit code 0: no difference. 1: differences, or decisions that could not be compared. 2: misuse.
    """
    words = {
        f"--since={since.isoformat()}" if since else "": since is not None,
        f"--limit={limit}": limit is not None,
        "--allow-other-fingerprints": allow_other_fingerprints,
        "--allow-missing-models": allow_missing_models,
    }
    _pipeline(data, output, "replay", *(word for word, given in words.items() if given))


@app.command()
def drift(
    data: Data = HERE,
    *,
    since: Annotated[str, typer.Option(help="How long ago (90m, 24h, 7d), or an instant.")] = "24h",
    until: Annotated[str | None, typer.Option(help="An instant; without it, now.")] = None,
    reference: Annotated[str | None, typer.Option(help="A..B, instead of the same hours of the weeks before.")] = None,
    alpha: Annotated[float, typer.Option(help="q-value below which it may alarm.")] = 0.01,
    html: Annotated[Path | None, typer.Option(help="Write the report with a plot of each feature.")] = None,
    output: Form = Output.TABLE,
) -> None:
    """Whether features look as they did in the same hours and weekdays of the four weeks before.

    Exit code 0: no drift, or too few users to say. 1: drift. 2: misuse.
    """
    words = {"since": since, "until": until, "reference": reference, "alpha": alpha, "html": html}
    _pipeline(data, output, "drift", *(f"--{name}={word}" for name, word in words.items() if word is not None))


def _pipeline(data: Path, output: Output, *words: str) -> None:
    from oo_local.start import stack_of  # noqa: PLC0415

    status = running(data)
    command, environ = stack_of(Layout(data.absolute(), status.port)).pipeline("--output", output.value, *words)
    code = subprocess.run(command, env=environ, check=False).returncode  # noqa: S603  # our own arguments
    if code:
        raise typer.Exit(code)


def _body(file: Path | None) -> dict[str, Any]:
    text = sys.stdin.read() if file == Path("-") else (file or EXAMPLE).read_text() if _readable(file) else ""
    try:
        found = json.loads(text)
    except ValueError as error:
        refuse(f"{file} is not JSON: {error}")
    return found if isinstance(found, dict) else refuse(f"{file} is not a JSON object")


def _readable(file: Path | None) -> bool:
    if file is not None and not os.access(file, os.R_OK):
        refuse(f"{file} cannot be read")
    return True


def _call(data: Path, route: str, body: dict[str, Any]) -> Called:
    try:
        return post(f"{running(data).ingress}{route}", body)
    except CallFailed as error:
        refuse(str(error), 1)


def _print(called: Called, output: Output, shown: Callable[[], Any]) -> None:
    if output is Output.JSON:
        say(called.reply)
    else:
        console.print(shown())
