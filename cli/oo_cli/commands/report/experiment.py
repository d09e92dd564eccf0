"""The command `oo-ml report experiment`. Exit code 2 for an unusable store, table or option."""

from __future__ import annotations

from typing import Annotated

import typer
from oo_pipelines.report.experiment_report import experiment_results
from oo_pipelines.report.render_experiment import render_experiments
from oo_pipelines.report.round_outcomes import scores, tips

from oo_cli.options import DEFAULT_DATA_DIR, Data, Form, Html, Output, Rewards, Since, StoreUrl
from oo_cli.render_report import print_report
from oo_cli.report_options import report_options

__all__ = ["run"]

Key = Annotated[
    str | None, typer.Argument(help="Key of an experiment; without it, all that have rounds.", show_default=False)
]


def run(
    key: Key = None,
    *,
    html: Html = None,
    rewards: Rewards = "v1",
    since: Since = None,
    data: Data = DEFAULT_DATA_DIR,
    store_url: StoreUrl = None,
    output: Form = Output.TABLE,
) -> None:
    """Report what variants have earned and whether they differ; sample ratio, guardrails, CUPED."""
    with report_options(data, store_url, rewards, since) as options:
        scored = list(scores(options.store, options.now, options.table))
        drawn = [item for tip in tips(options.store, options.now, options.table) if (item := tip.logged_round())]
    results = [
        *experiment_results(scored, "candidates", options.since),
        *experiment_results(drawn, "prompts", options.since),
    ]
    selected = [item for item in results if key in {None, item.key}]
    sections = list(render_experiments(selected, key, [item.key for item in results]))
    print_report(options, {"experiments": selected}, sections, html, output)
