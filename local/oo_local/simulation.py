"""`oo-ml experiment simulate`: regret curves of policies in a world whose truth is known. Exit code 2 for misuse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import track
from rich.table import Table

from oo_local.show import Output
from oo_local.terminal import console, refuse, say

if TYPE_CHECKING:
    from oo_experiments.simulator import Curve
    from oo_experiments.world import World

__all__ = ["simulate_policies"]


class WorldName(StrEnum):
    """Bandit arms, or contexts whose rewards a linear model can learn, or cannot."""

    ARMS = "arms"
    LINEAR = "linear"
    NONLINEAR = "nonlinear"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A policy as it was asked for: `kind`, or `kind:name=number,name=number`."""

    text: str
    kind: str
    parameters: Mapping[str, float]


def simulate_policies(
    policy: Annotated[list[str], typer.Option(help="KIND or KIND:NAME=NUMBER,…; give as many as are to be compared.")],
    world: Annotated[WorldName, typer.Option(help="Where they act.")] = WorldName.ARMS,
    *,
    rounds: Annotated[int, typer.Option(min=1, max=1_000_000)] = 5000,
    seeds: Annotated[int, typer.Option(min=2, max=10_000, help="Runs of each policy.")] = 20,
    html: Annotated[Path | None, typer.Option(help="Write the curves as a page.")] = None,
    output: Annotated[Output, typer.Option(help="For people or for programs.")] = Output.TABLE,
) -> None:
    """What learning costs each policy: regret against the truth, with a 95 % interval over seeds.

    `oo-ml experiment simulate --policy thompson --policy epsilon_greedy:epsilon=0.1 --html regret.html`
    """
    from oo_experiments.world import WORLDS  # noqa: PLC0415  # numpy

    place = WORLDS[world.value]()
    wanted = [_wanted(text, place, world.value) for text in policy]
    curves = [_curve(item, place, rounds, seeds) for item in wanted]
    if html is not None:
        _write(html, world.value, seeds, curves)
    if output is Output.JSON:
        found = {"world": world.value, "seeds": seeds, "curves": [asdict(curve) for curve in curves]}
        say(found)
    else:
        _show(curves, rounds)


def _wanted(text: str, place: World, world: str) -> Wanted:
    from oo_experiments.kinds import KINDS, build  # noqa: PLC0415

    kind, _, rest = text.partition(":")
    try:
        found = Wanted(text, kind, dict(map(_parameter, rest.split(","))) if rest else {})
        build(kind, found.parameters)
    except ValueError as error:
        refuse(f"--policy {text}: {error}")
    if KINDS[kind].beliefs == "linear" and not place.contexts.shape[2]:
        refuse(f"--policy {text}: {kind} learns from contexts, and the world {world} has none")
    return found


def _parameter(word: str) -> tuple[str, float]:
    name, _, value = word.partition("=")
    try:
        return name, float(value)
    except ValueError:
        raise ValueError(f"{name} is a number, not {value!r}") from None


def _curve(wanted: Wanted, place: World, rounds: int, seeds: int) -> Curve:
    from oo_experiments.kinds import build  # noqa: PLC0415
    from oo_experiments.simulator import regret_curve, simulate  # noqa: PLC0415

    factory = partial(build, wanted.kind, wanted.parameters)
    turns = track(range(seeds), wanted.text, console=Console(stderr=True), transient=True)
    return regret_curve(wanted.text, [simulate(factory, place, rounds, seed) for seed in turns])


def _write(html: Path, world: str, seeds: int, curves: list[Curve]) -> None:
    from oo_pipelines.regret import regret_page  # noqa: PLC0415  # matplotlib

    try:
        html.write_text(regret_page(world, seeds, curves))
    except OSError as error:
        refuse(f"--html {html}: {error.strerror}")


def _show(curves: list[Curve], rounds: int) -> None:
    table = Table(box=None, pad_edge=False)
    for name in ("policy", f"regret after {rounds}", "95 % interval"):
        table.add_column(name)
    for item in sorted(curves, key=lambda curve: curve.mean[-1]):
        table.add_row(escape(item.policy), f"{item.mean[-1]:.1f}", f"{item.low[-1]:.1f} … {item.high[-1]:.1f}")
    console.print(table)
