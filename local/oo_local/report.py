"""`oo-ml report experiment | prompts | policies`. Exit code 2 for a store, a table or an option that will not do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from oo_contracts.rewards import BadRewards, RewardTable
from rich.markup import escape
from rich.table import Table

from oo_local.show import Output
from oo_local.terminal import HERE, Data, Form, Since, StoreUrl, console, print_wide, refuse, say, store_of

if TYPE_CHECKING:
    from oo_consumers.store import Store
    from oo_pipelines.report.told import Sheet, Told

__all__ = ["report"]

report = typer.Typer(
    no_args_is_help=True,
    help="""What experiments, prompt versions and policies have earned, each with its interval.

    Rewards are of closed rounds; the open ones are counted apart. `--html FILE` writes one self-contained page.
    """,
)

Key = Annotated[str | None, typer.Argument(help="An experiment; without it, all that have rounds.", show_default=False)]
Html = Annotated[Path | None, typer.Option(help="Write the report as a page with figures, too.")]
Rewards = Annotated[str, typer.Option("--rewards", help="A released reward table, or a TOML file.")]


@dataclass(frozen=True, slots=True)
class Asked:
    """The options that all reports have, read."""

    store: Store
    table: RewardTable
    now: datetime
    since: datetime | None

    @property
    def said(self) -> dict[str, Any]:
        return {"at": self.now, "since": self.since, "rewards": self.table.version}

    @property
    def subtitle(self) -> str:
        since = f"rounds since {self.since:%Y-%m-%d %H:%M}" if self.since else "all rounds"
        return f"{since} as of {self.now:%Y-%m-%d %H:%M} UTC, by the reward table {self.table.version}"


@report.command()
def experiment(
    key: Key = None,
    *,
    html: Html = None,
    rewards: Rewards = "v1",
    since: Since = None,
    data: Data = HERE,
    store_url: StoreUrl = None,
    output: Form = Output.TABLE,
) -> None:
    """What variants have earned, and whether they differ; sample ratio, guardrails, CUPED."""
    from oo_pipelines.report.experiment import results  # noqa: PLC0415  # numpy, SQLAlchemy
    from oo_pipelines.report.experiment_told import experiments_told  # noqa: PLC0415
    from oo_pipelines.report.played import scores, tips  # noqa: PLC0415

    with _asked(data, store_url, rewards, since) as asked:
        scored = list(scores(asked.store, asked.now, asked.table))
        drawn = [item for tip in tips(asked.store, asked.now, asked.table) if (item := tip.played())]
    found = [*results(scored, "candidates", asked.since), *results(drawn, "prompts", asked.since)]
    chosen = [item for item in found if key in {None, item.key}]
    told = list(experiments_told(chosen, key, [item.key for item in found]))
    _say(asked, {"experiments": chosen}, told, html, output)


@report.command()
def prompts(
    *,
    html: Html = None,
    rewards: Rewards = "v1",
    since: Since = None,
    data: Data = HERE,
    store_url: StoreUrl = None,
    output: Form = Output.TABLE,
) -> None:
    """What prompt versions are worth, weighted by the chances of their draws, and what they cost."""
    from oo_pipelines.report import prompts as of_prompts  # noqa: PLC0415  # numpy, SQLAlchemy
    from oo_pipelines.report.played import tips  # noqa: PLC0415
    from oo_pipelines.report.prompts_told import prompts_told  # noqa: PLC0415

    with _asked(data, store_url, rewards, since) as asked:
        found = of_prompts.prompts(tips(asked.store, asked.now, asked.table), asked.since)
    _say(asked, found, [prompts_told(found)], html, output)


@report.command()
def policies(
    *,
    html: Html = None,
    rewards: Rewards = "v1",
    since: Since = None,
    data: Data = HERE,
    store_url: StoreUrl = None,
    output: Form = Output.TABLE,
) -> None:
    """What the policies that acted earned, and what those that only watched would have."""
    from oo_pipelines.report import policies as of_policies  # noqa: PLC0415  # numpy, SQLAlchemy
    from oo_pipelines.report.played import scores  # noqa: PLC0415
    from oo_pipelines.report.policies_told import policies_told  # noqa: PLC0415

    with _asked(data, store_url, rewards, since) as asked:
        played = list(scores(asked.store, asked.now, asked.table))
        closed = asked.store.rounds(asked.now, asked.table)
        found = of_policies.policies(played, closed, asked.store.predicted(), asked.since)
    _say(asked, found, [policies_told(found)], html, output)


@contextmanager
def _asked(data: Path, store_url: str | None, rewards: str, since: str | None) -> Iterator[Asked]:
    from oo_consumers.store import Store, StoreError, Unavailable  # noqa: PLC0415  # SQLAlchemy
    from oo_experiments.ope.log import BadLog  # noqa: PLC0415
    from oo_pipelines.drift.options import BadInput  # noqa: PLC0415
    from oo_pipelines.drift.options import since as read_since  # noqa: PLC0415

    now = datetime.now(UTC)
    try:
        table = RewardTable.read(rewards)
        begin = read_since(since, now) if since else None
        store = Store.open(store_of(data, store_url))
        try:
            yield Asked(store, table, now, begin)
        finally:
            store.close()
    except (BadInput, BadLog, BadRewards, StoreError, Unavailable, OverflowError) as error:
        refuse(str(error))


def _say(asked: Asked, found: Any, told: Sequence[Told], html: Path | None, output: Output) -> None:
    from oo_pipelines.plain import plain  # noqa: PLC0415

    if html is not None:
        _write(html, asked, told)
    if output is Output.JSON:
        say(plain(asked.said) | plain(found))
        return
    console.print(asked.subtitle, soft_wrap=True, markup=False)
    for part in told:
        _show(part)
    if html is not None:
        console.print(f"written to {html}", soft_wrap=True, markup=False)


def _write(html: Path, asked: Asked, told: Sequence[Told]) -> None:
    from oo_pipelines.report.pages import report_page  # noqa: PLC0415  # matplotlib

    try:
        html.write_text(report_page(asked.subtitle, told), encoding="utf-8")
    except OSError as error:
        refuse(f"{html} cannot be written: {error}")


def _show(of: Told) -> None:
    console.print(f"\n[bold]{escape(of.title)}[/]\n{escape(of.answer)}", soft_wrap=True)
    for sheet in of.sheets:
        _show_sheet(sheet)
    console.print()
    for text in of.remarks:
        console.print(text, style="dim", markup=False, soft_wrap=True)


def _show_sheet(of: Sheet) -> None:
    table = Table(box=None, pad_edge=False)
    for name in of.columns:
        table.add_column(escape(name))
    for place, row in enumerate(of.rows):
        cells = (escape(f"{cell:,}" if isinstance(cell, int) else cell or "") for cell in row)
        table.add_row(*cells, style="red" if place in of.bad else None)
    console.print(f"\n[bold]{escape(of.title)}[/]", soft_wrap=True)
    print_wide(table)
    for text in of.notes:
        console.print(text, markup=False, soft_wrap=True)
