"""The command `oo-ml ope`: what another policy would have earned. Exit code 2 for an unusable log or name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import pyarrow as pa
import typer
from oo_experiments.ope.estimators import DROS_LAMBDA, SWITCH_TAU
from oo_experiments.ope.log import BadLog
from oo_experiments.statistics.interval import CONFIDENCE_LEVEL, Interval
from oo_pipelines.ope.columns import read_table
from oo_pipelines.ope.evaluation import ESTIMATORS, EstimatorParameters, Evaluation, MissingColumn, evaluate
from oo_pipelines.ope.rounds_table import RoundsTable, UnknownTarget
from oo_pipelines.ope.store_rounds import rounds_table, rounds_with_target
from pyarrow.parquet import write_table
from rich.markup import escape
from rich.table import Table

from oo_cli.options import DEFAULT_DATA_DIR, Data, Form, Output, Since, StoreUrl
from oo_cli.stack_store import open_store
from oo_cli.terminal import console, print_wide, refuse, say

__all__ = ["run"]

LogFile = Annotated[Path | None, typer.Argument(help="Log in Parquet or CSV; without it, the stack's closed rounds.")]
Target = Annotated[
    str | None,
    typer.Option(help="Target policy: `uniform`, `greedy` (by predictions), `logged`, or x of a column target_x."),
]
Estimators = Annotated[
    str, typer.Option(help="Estimators: `all`, or some of ips,snips,dm,dr,switch_dr,dros with commas between.")
]
Tau = Annotated[float, typer.Option(min=0, help="Weight above which switch_dr does not correct the model.")]
Lambda = Annotated[
    float, typer.Option(min=0, help="Lambda of dros, which uses lambda w / (w² + lambda) for a weight w; 0 is dm.")
]
Level = Annotated[float, typer.Option(help="Confidence level of the intervals.")]
Export = Annotated[
    Path | None, typer.Option(help="File to write the stack's closed rounds to, as Parquet, without an evaluation.")
]


def run(
    log: LogFile = None,
    *,
    target: Target = None,
    estimator: Estimators = "all",
    switch_tau: Tau = SWITCH_TAU,
    dros_lambda: Lambda = DROS_LAMBDA,
    level: Level = CONFIDENCE_LEVEL,
    export: Export = None,
    since: Since = None,
    data: Data = DEFAULT_DATA_DIR,
    store_url: StoreUrl = None,
    output: Form = Output.TABLE,
) -> None:
    """Estimate what another policy would have earned, from the log of the one that acted.

    `oo-ml ope rounds.csv --target challenger --estimator snips,dr --output json`

    Columns of LOG: `request_id, user_id, action, n_actions, propensity, reward`. Actions are 0 to n_actions - 1, or
    names. `target_x` is target x's probability of the logged action, `target_x_<action>` that of each action;
    `predicted_<action>` is a model's expected reward. dm, dr, switch_dr and dros need the latter two of every action;
    they follow without columns for `uniform`, `greedy`, and where there are no more than two actions.

    The stack's own rounds also know the targets `baseline` and each shadow policy, like `epsilon-greedy-0.1`.

    Intervals are over users. The `always` ones hold at every look, the others at one. Verdict `not evaluable`: the log
    cannot say, and the numbers mean nothing; of dm, switch_dr and dros alone where the model may bias them more than
    their intervals show. Exit code 0 for both verdicts, 2 for a log or a name that will not do.
    """
    names = _estimators(estimator)
    if (target is None) == (export is None) or (log and export):
        refuse("give a LOG, or none for the stack's rounds, with --target; or --export alone")
    if log and since:
        refuse("--since is of the stack's rounds: those of a LOG have no time")
    if not 0 < level < 1:
        refuse(f"--level {level} is not between 0 and 1")
    parameters = EstimatorParameters(switch_tau, dros_lambda, level)
    try:
        table = read_table(log) if log else _closed_rounds(data, store_url, since)
        if export:
            _export(table, export)
        elif target:
            rows = table if log else rounds_with_target(table, target)
            evaluation = evaluate(RoundsTable.of(rows), target, names, parameters, strict=estimator != "all")
            _say(replace(evaluation, set_aside=table.num_rows - rows.num_rows), output)
    except (BadLog, MissingColumn, UnknownTarget) as error:
        refuse(str(error))


def _estimators(text: str) -> tuple[str, ...]:
    names = ESTIMATORS if text == "all" else tuple(dict.fromkeys(name.strip() for name in text.split(",")))
    for name in names:
        if name not in ESTIMATORS:
            refuse(f"there is no estimator {name!r}; known are all, {', '.join(ESTIMATORS)}")
    return names


def _closed_rounds(data: Path, store_url: str | None, since: datetime | None) -> pa.Table:
    """Return the stack's closed rounds, by the rewards that are in force."""
    now = datetime.now(UTC)
    with open_store(data, store_url, "a LOG or --store-url") as store:
        return rounds_table(store.rounds(now, since=since))


def _export(table: pa.Table, path: Path) -> None:
    try:
        write_table(table, path)
    except OSError as error:
        refuse(f"{path} cannot be written: {error}")
    console.print(f"{table.num_rows} closed rounds written to {escape(str(path))}", soft_wrap=True)


def _say(evaluation: Evaluation, output: Output) -> None:
    if output is Output.JSON:
        say(evaluation.plain())
    else:
        _show(evaluation)


def _show(evaluation: Evaluation) -> None:
    table = Table(box=None, pad_edge=False)
    level = f"{evaluation.parameters.level:.0%}"
    for name in ("estimator", "value", level, f"{level} always", "lift", level, "ESS", "max weight", "clipped"):
        table.add_column(name)
    for item in evaluation.estimates:
        interval, lift = item.interval, item.lift
        bounds = (
            _number(interval.value),
            _between(interval),
            _always_valid(interval),
            f"{lift.value:+.4g}",
            _between(lift),
        )
        weights = (f"{item.effective_sample_size:.1f}", f"{item.max_weight:.4g}", f"{item.clipped_mass:.1%}")
        table.add_row(item.estimator, *bounds, *weights)
    console.print(
        f"target {escape(evaluation.target)}: {evaluation.rounds} rounds of {evaluation.users} users", soft_wrap=True
    )
    print_wide(table)
    for line in _remarks(evaluation):
        console.print(line, soft_wrap=True)


def _remarks(evaluation: Evaluation) -> Iterator[str]:
    if evaluation.set_aside:
        yield f"set aside: {evaluation.set_aside} rounds in which {escape(evaluation.target)} was not asked"
    for why in dict.fromkeys(evaluation.not_computed.values()):
        names = ", ".join(name for name, reason in evaluation.not_computed.items() if reason == why)
        yield f"not computed: {names}: {escape(why)}"
    yield from (f"[red]{name}: not evaluable[/]: {escape(why)}" for name, why in evaluation.biased.items())
    mean = evaluation.verdict.support.mean_weight
    yield f"mean weight {mean.value:.4g} {_between(mean)}; it is 1 where the log has all that the target does"
    yield f"[bold {'red' if evaluation.verdict.reasons else 'green'}]{evaluation.verdict.label.upper()}[/]"
    yield from (f"  [red]{escape(reason)}[/]" for reason in evaluation.verdict.reasons)


def _number(value: float) -> str:
    return f"{value:.4g}"


def _between(interval: Interval) -> str:
    return escape(f"[{_number(interval.lower)}, {_number(interval.upper)}]")


def _always_valid(interval: Interval) -> str:
    return escape(f"[{_number(interval.sequence_lower)}, {_number(interval.sequence_upper)}]")
