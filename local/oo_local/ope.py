"""`oo-ml ope`: what another policy would have earned, from a log. Exit code 2 for a log or a name that will not do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from oo_experiments.ope.estimators import LAMBDA, TAU
from oo_experiments.ope.interval import LEVEL, Interval
from oo_experiments.ope.log import BadLog
from rich.markup import escape
from rich.table import Table

from oo_local.show import Output
from oo_local.terminal import HERE, Data, Form, Since, StoreUrl, console, print_wide, refuse, say, store_of

if TYPE_CHECKING:
    import pyarrow as pa
    from oo_pipelines.ope import Evaluation

__all__ = ["ope"]


LogFile = Annotated[Path | None, typer.Argument(help="Parquet or CSV; without it, the stack's closed rounds.")]
Target = Annotated[
    str | None, typer.Option(help="`uniform`, `greedy` (on predictions), `logged`, or x of a column target_x.")
]
Estimators = Annotated[str, typer.Option(help="`all`, or some of ips,snips,dm,dr,switch_dr,dros with commas between.")]
Tau = Annotated[float, typer.Option(min=0, help="switch_dr does not correct the model where a weight is above this.")]
Lambda = Annotated[float, typer.Option(min=0, help="dros uses lambda w / (w² + lambda) for a weight w; 0 is dm.")]
Level = Annotated[float, typer.Option(help="Of the intervals.")]
Export = Annotated[Path | None, typer.Option(help="Write the stack's closed rounds as Parquet, no more.")]


def ope(
    log: LogFile = None,
    *,
    target: Target = None,
    estimator: Estimators = "all",
    switch_tau: Tau = TAU,
    dros_lambda: Lambda = LAMBDA,
    level: Level = LEVEL,
    export: Export = None,
    since: Since = None,
    data: Data = HERE,
    store_url: StoreUrl = None,
    output: Form = Output.TABLE,
) -> None:
    """What another policy would have earned, from the log of the one that acted.

    `oo-ml ope rounds.csv --target challenger --estimator snips,dr --output json`

    Columns of LOG: `request_id, user_id, action, n_actions, propensity, reward`. Actions are 0 to n_actions - 1, or
    names. `target_x` is the chance that target x gives the logged action, `target_x_<action>` that of each action;
    `predicted_<action>` is a model's expected reward. dm, dr, switch_dr and dros need the latter two of every action;
    they follow without columns for `uniform`, `greedy`, and where there are no more than two actions.

    The stack's own rounds also know the targets `baseline` and each shadow policy, like `epsilon-greedy-0.1`.

    Intervals are over users. The `always` ones hold at every look, the others at one. Verdict `not evaluable`: the log
    cannot say, and the numbers mean nothing. Exit code 0 for both verdicts, 2 for a log or a name that will not do.
    """
    from oo_pipelines.ope import Lacking, Parameters, evaluate  # noqa: PLC0415  # pyarrow
    from oo_pipelines.ope_columns import read  # noqa: PLC0415
    from oo_pipelines.ope_log import knowing  # noqa: PLC0415
    from oo_pipelines.ope_table import Rounds, UnknownTarget  # noqa: PLC0415

    names = _estimators(estimator)
    if (target is None) == (export is None) or (log and export):
        refuse("give a LOG, or none for the stack's rounds, with --target; or --export alone")
    if log and since:
        refuse("--since is of the stack's rounds: those of a LOG have no time")
    if not 0 < level < 1:
        refuse(f"--level {level} is not between 0 and 1")
    by = Parameters(switch_tau, dros_lambda, level)
    try:
        table = read(log) if log else _closed(store_of(data, store_url, "a LOG or --store-url"), since)
        if export:
            _export(table, export)
        elif target:
            known = table if log else knowing(table, target)
            found = evaluate(Rounds.of(known), target, names, by, strict=estimator != "all")
            _say(replace(found, set_aside=table.num_rows - known.num_rows), output)
    except (BadLog, Lacking, UnknownTarget) as error:
        refuse(str(error))


def _estimators(asked: str) -> tuple[str, ...]:
    from oo_pipelines.ope import ESTIMATORS  # noqa: PLC0415  # pyarrow

    names = ESTIMATORS if asked == "all" else tuple(dict.fromkeys(name.strip() for name in asked.split(",")))
    for name in names:
        if name not in ESTIMATORS:
            refuse(f"there is no estimator {name!r}; known are all, {', '.join(ESTIMATORS)}")
    return names


def _closed(url: str, since: str | None) -> pa.Table:
    """The stack's closed rounds, by the rewards that are in force."""
    from oo_consumers.store import Store, StoreError, Unavailable  # noqa: PLC0415  # SQLAlchemy
    from oo_pipelines.drift.options import BadInput  # noqa: PLC0415
    from oo_pipelines.drift.options import since as read_since  # noqa: PLC0415
    from oo_pipelines.ope_log import table_of  # noqa: PLC0415

    now = datetime.now(UTC)
    try:
        begin = read_since(since, now) if since else None
        with closing(Store.open(url)) as store:
            return table_of(store.rounds(now, since=begin))
    except (BadInput, OverflowError, StoreError, Unavailable) as error:
        refuse(str(error))


def _export(table: pa.Table, path: Path) -> None:
    from pyarrow.parquet import write_table  # noqa: PLC0415

    try:
        write_table(table, path)
    except OSError as error:
        refuse(f"{path} cannot be written: {error}")
    console.print(f"{table.num_rows} closed rounds written to {escape(str(path))}", soft_wrap=True)


def _say(found: Evaluation, output: Output) -> None:
    if output is Output.JSON:
        say(found.plain())
    else:
        _show(found)


def _show(found: Evaluation) -> None:
    table = Table(box=None, pad_edge=False)
    level = f"{found.parameters.level:.0%}"
    for name in ("estimator", "value", level, f"{level} always", "lift", level, "ESS", "max weight", "clipped"):
        table.add_column(name)
    for item in found.estimates:
        about, lift = item.interval, item.lift
        bounds = (_number(about.value), _between(about), _always(about), f"{lift.value:+.4g}", _between(lift))
        weights = (f"{item.effective_sample_size:.1f}", f"{item.max_weight:.4g}", f"{item.clipped_mass:.1%}")
        table.add_row(item.estimator, *bounds, *weights)
    console.print(f"target {escape(found.target)}: {found.rounds} rounds of {found.users} users", soft_wrap=True)
    print_wide(table)
    for line in _remarks(found):
        console.print(line, soft_wrap=True)


def _remarks(found: Evaluation) -> Iterator[str]:
    if found.set_aside:
        yield f"set aside: {found.set_aside} rounds in which {escape(found.target)} was not asked"
    for why in dict.fromkeys(found.not_computed.values()):
        names = ", ".join(name for name, reason in found.not_computed.items() if reason == why)
        yield f"not computed: {names}: {escape(why)}"
    mean = found.verdict.support.mean_weight
    yield f"mean weight {mean.value:.4g} {_between(mean)}; it is 1 where the log has all that the target does"
    yield f"[bold {'red' if found.verdict.reasons else 'green'}]{found.verdict.said.upper()}[/]"
    yield from (f"  [red]{escape(reason)}[/]" for reason in found.verdict.reasons)


def _number(value: float) -> str:
    return f"{value:.4g}"


def _between(of: Interval) -> str:
    return escape(f"[{_number(of.lower)}, {_number(of.upper)}]")


def _always(of: Interval) -> str:
    return escape(f"[{_number(of.sequence_lower)}, {_number(of.sequence_upper)}]")
