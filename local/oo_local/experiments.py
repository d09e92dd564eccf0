"""`oo-ml experiment …`: what runs, changing it without a restart, and what its policies believe."""

from __future__ import annotations

import asyncio
import json
import tomllib
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from oo_local.show import Output
from oo_local.simulation import simulate_policies
from oo_local.terminal import HERE, Data, Form, console, refuse, running, say

if TYPE_CHECKING:
    from nats.js import JetStreamContext
    from oo_experiments.experiment import Experiment, Holdout

__all__ = ["experiment"]

experiment = typer.Typer(
    no_args_is_help=True,
    help="""Experiments: files beside the code, and over them those of NATS, which change without a restart.

    `oo-ml experiment list` · `oo-ml experiment put mine.toml` · `oo-ml experiment stop exploration-2026-11`
    """,
)
experiment.command("simulate")(simulate_policies)
T = TypeVar("T")

Url = Annotated[str | None, typer.Option("--nats-url", help="NATS; without it, the running stack's.")]
Key = Annotated[str, typer.Argument(help="An experiment's key, or `holdout`.", show_default=False)]
COLOURS = {"running": "green", "not yet": "yellow", "stopped": "dim"}
MODES = {"active": "", "shadow": "only watches", "apprentice": "watches the baseline act"}
PATIENCE = 5.0  # seconds for NATS


@dataclass(frozen=True, slots=True)
class Defined:
    """One definition, where it is from, and whether it runs at this moment."""

    key: str
    source: str
    item: Experiment | Holdout

    @property
    def state(self) -> str:
        from oo_experiments.experiment import Experiment as Kind  # noqa: PLC0415

        if not isinstance(self.item, Kind):
            return "running"
        now = datetime.now(UTC)
        if self.item.runs(now):
            return "running"
        if self.item.status == "running" and self.item.start and now < self.item.start:
            return "not yet"
        return "stopped"

    def plain(self) -> dict[str, Any]:
        return {"key": self.key, "source": self.source, "state": self.state} | self.item.model_dump(mode="json")


@experiment.command("list")
def listed(data: Data = HERE, nats_url: Url = None, output: Form = Output.TABLE) -> None:
    """Every experiment and the holdout, as the transformers see them."""
    found = _defined(_bucket(data, nats_url))
    if output is Output.JSON:
        say([item.plain() for item in found.values()])
        return
    for item in found.values():
        _show(item)
    if not found:
        console.print("nothing runs: everybody gets the default policy")


@experiment.command()
def put(
    file: Annotated[Path, typer.Argument(help="A TOML file; `holdout.toml` is the holdout.", show_default=False)],
    data: Data = HERE,
    nats_url: Url = None,
) -> None:
    """Define an experiment by a file, or replace the one of its key: in force within a second, everywhere.

    The least file: `key = "mine"`, `purpose = "why"`, and below them `[[variants]]` with `name = "only"`, `weight = 1`,
    `policy = { kind = "thompson", floor = 0.05 }`. The README has a longer one; a wrong field is named.
    """
    from oo_experiments.experiment import HOLDOUT, BadExperiment, Experiment, parsed  # noqa: PLC0415
    from oo_prompts.registry import load as load_prompts  # noqa: PLC0415

    try:
        found = parsed(file.name, tomllib.loads(file.read_text()))
    except OSError as error:
        refuse(f"{file} cannot be read: {error.strerror}")
    except BadExperiment as error:
        refuse(str(error))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        refuse(f"{file}: {error}")
    known = load_prompts()
    if isinstance(found, Experiment) and (unknown := [name for name in found.prompts if name not in known]):
        refuse(f"{file}: prompts: there is no version {unknown[0]}; known are {', '.join(known)}")
    key = found.key if isinstance(found, Experiment) else HOLDOUT
    _put(data, nats_url, key, found.model_dump_json().encode())
    console.print(f"{key} is defined; `oo-ml experiment drop {key}` takes it back", markup=False)


@experiment.command()
def stop(key: Key, data: Data = HERE, nats_url: Url = None) -> None:
    """Stop an experiment: whoever was in it gets the default policy. Its rounds stay in the log."""
    from oo_experiments.experiment import Experiment  # noqa: PLC0415

    found = _defined(_bucket(data, nats_url))
    if key not in found:
        refuse(f"there is no experiment {key}; there are {', '.join(found) or 'none'}")
    item = found[key].item
    if not isinstance(item, Experiment):
        refuse("a holdout is not stopped: `oo-ml experiment put` one of share 0, or drop it")
    _put(data, nats_url, key, item.model_copy(update={"status": "stopped"}).model_dump_json().encode())
    console.print(f"{key} is stopped", markup=False)


@experiment.command()
def drop(key: Key, data: Data = HERE, nats_url: Url = None) -> None:
    """Take a definition out of NATS; if a file has one of this key, that is in force again."""
    from oo_contracts.subjects import EXPERIMENTS  # noqa: PLC0415

    if key not in _bucket(data, nats_url):
        refuse(f"NATS has no definition of {key}")

    async def gone(js: JetStreamContext) -> None:
        await (await js.key_value(EXPERIMENTS)).delete(key)

    _asked(data, nats_url, gone)
    console.print(f"{key} is dropped", markup=False)


@experiment.command()
def beliefs(
    key: Annotated[str | None, typer.Argument(help="An experiment; without it, all.", show_default=False)] = None,
    data: Data = HERE,
    nats_url: Url = None,
    output: Form = Output.TABLE,
) -> None:
    """What the policies of an experiment have learned: rounds and mean reward of each arm."""
    from oo_contracts.subjects import BELIEFS  # noqa: PLC0415

    there = dict(_believed(_values(data, nats_url, BELIEFS)))
    if key is not None and key not in there:
        refuse(f"nothing is kept of {key}; there are beliefs of {', '.join(there) or 'no experiment'}")
    found = {name: value for name, value in there.items() if key in {None, name}}
    if output is Output.JSON:
        say(found)
        return
    for name, value in found.items():
        _show_beliefs(name, value)
    if not found:
        console.print("no experiment has a policy with beliefs")


def _show(of: Defined) -> None:
    """A line on the whole, and one for each policy below it."""
    from oo_experiments.experiment import Experiment  # noqa: PLC0415

    item = of.item
    if not isinstance(item, Experiment):
        _print(of.key, f"{item.share:.1%} of users get the baseline everywhere, from {of.source}", ())
        return
    about = f"draws {', '.join(item.prompts)} for" if item.prompts else "ranks for"
    said = f"[{COLOURS[of.state]}]{of.state}[/], {about} {item.coverage:.0%} of {item.unit}s, from {of.source}"
    acting = [(it.name, f"{it.weight:.0%}", _policy(it.policy), MODES[it.mode]) for it in item.variants]
    _print(of.key, said, [*acting, *(("", "", _policy(watched), MODES["shadow"]) for watched in item.shadows)])


def _print(key: str, said: str, rows: Iterable[tuple[str, ...]]) -> None:
    console.print(f"[bold]{escape(key)}[/]  {said}", soft_wrap=True)
    table = Table(box=None, show_header=False, pad_edge=False)
    for row in rows:
        table.add_row("  ", *map(escape, row))
    if table.row_count:
        console.print(table)


def _policy(of: Any) -> str:
    return " ".join((of.kind, *(f"{name}={value:g}" for name, value in of.parameters.items())))


def _believed(bucket: Mapping[str, bytes]) -> Iterator[tuple[str, dict[str, Any]]]:
    """What is none of the keeper's is left out, and that is said."""
    from oo_experiments.beliefs import Beliefs  # noqa: PLC0415

    for key, value in bucket.items():
        try:
            found = json.loads(value)
            taught = {"beliefs": Beliefs.read(found["beliefs"]).plain()}
            yield key, {name: str(found[name]) for name in ("experiment", "as_of", "rewards", "digest")} | taught
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            Console(stderr=True, highlight=False).print(
                f"left out: beliefs of {key}: {error!r}", markup=False, soft_wrap=True
            )


def _show_beliefs(key: str, value: Mapping[str, Any]) -> None:
    from oo_experiments.beliefs import MICRO  # noqa: PLC0415

    rows: list[tuple[str, ...]] = [
        (arm, f"{rounds:,} rounds", f"mean reward {total / MICRO / rounds:.4f}" if rounds else "")
        for arm, (rounds, total) in sorted(value["beliefs"]["arms"].items())
    ]
    if linear := value["beliefs"].get("linear"):
        rows.append(("contexts", f"{linear['rounds']:,} rounds", f"of {linear['d'] - 1} features"))
    said = f"as of {value['as_of'][:19]}, rewards {value['rewards']}"
    _print(key, said, rows or [("no closed round yet",)])


def _defined(bucket: Mapping[str, bytes]) -> dict[str, Defined]:
    """Files, and over them what the bucket has."""
    from oo_experiments.experiment import HOLDOUT, BadExperiment, load, parsed  # noqa: PLC0415

    experiments, holdout = load()
    found = {item.key: Defined(item.key, "file", item) for item in experiments}
    if holdout is not None:
        found[HOLDOUT] = Defined(HOLDOUT, "file", holdout)
    for key, value in bucket.items():
        try:
            found[key] = Defined(key, "nats", parsed(key, value))
        except BadExperiment as error:
            Console(stderr=True, highlight=False).print(f"left out: {error}", markup=False, soft_wrap=True)
    return dict(sorted(found.items()))


def _bucket(data: Path, nats_url: str | None) -> Mapping[str, bytes]:
    from oo_contracts.subjects import EXPERIMENTS  # noqa: PLC0415

    return _values(data, nats_url, EXPERIMENTS)


def _values(data: Path, nats_url: str | None, bucket: str) -> Mapping[str, bytes]:
    from oo_contracts.buckets import held  # noqa: PLC0415

    async def all_of(js: JetStreamContext) -> Mapping[str, bytes]:
        return (await held(js, bucket)).values

    return _asked(data, nats_url, all_of)


def _put(data: Path, nats_url: str | None, key: str, value: bytes) -> None:
    from oo_contracts.subjects import EXPERIMENTS  # noqa: PLC0415

    async def there(js: JetStreamContext) -> None:
        await (await js.key_value(EXPERIMENTS)).put(key, value)

    _asked(data, nats_url, there)


def _asked(data: Path, nats_url: str | None, work: Callable[[JetStreamContext], Awaitable[T]]) -> T:
    import nats  # noqa: PLC0415
    from nats.errors import Error  # noqa: PLC0415

    url = nats_url or running(data, "--nats-url").nats_url

    async def connected() -> T:
        connection = await nats.connect(url, connect_timeout=PATIENCE, max_reconnect_attempts=1, error_cb=_unsaid)
        try:
            return await work(connection.jetstream(timeout=PATIENCE))
        finally:
            await connection.close()

    try:
        return asyncio.run(connected())
    except (Error, OSError, TimeoutError) as error:
        refuse(f"NATS at {url}: {error!r}", 1)


async def _unsaid(_: Exception) -> None:
    """The attempt fails, and that is said."""
