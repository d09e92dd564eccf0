"""The command `oo-ml experiment simulate`: regret curves of policies in a known world. Exit code 2 for misuse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from oo_experiments.policies.policy_registry import POLICIES, build_policy
from oo_experiments.simulation.simulator import RegretCurve, regret_curve, simulate
from oo_experiments.simulation.synthetic_bandits import WORLDS, BanditWorld
from oo_pipelines.simulation.regret import regret_page
from rich.console import Console
from rich.markup import escape
from rich.progress import track
from rich.table import Table

from oo_cli.options import Form, Html, Output
from oo_cli.terminal import console, refuse, say

__all__ = ["WorldName", "run"]


class WorldName(StrEnum):
    """The kind of world: bandit arms, or contexts whose rewards a linear model can learn, or cannot."""

    ARMS = "arms"
    LINEAR = "linear"
    NONLINEAR = "nonlinear"


@dataclass(frozen=True, slots=True)
class PolicyRequest:
    """A policy as it was requested: `kind`, or `kind:name=number,name=number`."""

    text: str
    kind: str
    parameters: Mapping[str, float]


def run(
    policy: Annotated[
        list[str], typer.Option(help="Policy as KIND or KIND:NAME=NUMBER,…; give one for each to be compared.")
    ],
    world: Annotated[WorldName, typer.Option(help="World in which they act.")] = WorldName.ARMS,
    *,
    rounds: Annotated[int, typer.Option(min=1, max=1_000_000, help="Number of rounds of each run.")] = 5000,
    seeds: Annotated[int, typer.Option(min=2, max=10_000, help="Number of runs of each policy.")] = 20,
    html: Html = None,
    output: Form = Output.TABLE,
) -> None:
    """Simulate what learning costs each policy: regret against the truth, with a 95 % interval over seeds.

    `oo-ml experiment simulate --policy thompson --policy epsilon_greedy:epsilon=0.1 --html regret.html`
    """
    bandit_world = WORLDS[world.value]()
    requests = [_policy_request(text, bandit_world, world.value) for text in policy]
    curves = [_curve(item, bandit_world, rounds, seeds) for item in requests]
    if html is not None:
        _write(html, world.value, seeds, curves)
    if output is Output.JSON:
        result = {"world": world.value, "seeds": seeds, "curves": [asdict(curve) for curve in curves]}
        say(result)
    else:
        _show(curves, rounds)


def _policy_request(text: str, bandit_world: BanditWorld, world: str) -> PolicyRequest:
    kind, _, rest = text.partition(":")
    try:
        request = PolicyRequest(text, kind, dict(map(_parameter, rest.split(","))) if rest else {})
        build_policy(kind, request.parameters)
    except ValueError as error:
        refuse(f"--policy {text}: {error}")
    if POLICIES[kind].beliefs == "linear" and not bandit_world.contexts.shape[2]:
        refuse(f"--policy {text}: {kind} learns from contexts, and the world {world} has none")
    return request


def _parameter(word: str) -> tuple[str, float]:
    name, _, value = word.partition("=")
    try:
        return name, float(value)
    except ValueError:
        raise ValueError(f"{name} is a number, not {value!r}") from None


def _curve(request: PolicyRequest, bandit_world: BanditWorld, rounds: int, seeds: int) -> RegretCurve:
    factory = partial(build_policy, request.kind, request.parameters)
    seed_numbers = track(range(seeds), request.text, console=Console(stderr=True), transient=True)
    return regret_curve(request.text, [simulate(factory, bandit_world, rounds, seed) for seed in seed_numbers])


def _write(html: Path, world: str, seeds: int, curves: list[RegretCurve]) -> None:
    try:
        html.write_text(regret_page(world, seeds, curves))
    except OSError as error:
        refuse(f"--html {html}: {error.strerror}")


def _show(curves: list[RegretCurve], rounds: int) -> None:
    table = Table(box=None, pad_edge=False)
    for name in ("policy", f"regret after {rounds}", "95 % interval"):
        table.add_column(name)
    for item in sorted(curves, key=lambda curve: curve.mean[-1]):
        table.add_row(escape(item.policy), f"{item.mean[-1]:.1f}", f"{item.low[-1]:.1f} … {item.high[-1]:.1f}")
    console.print(table)
