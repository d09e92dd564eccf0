"""The command `oo-ml report prompts`. Exit code 2 for an unusable store, table or option."""

from __future__ import annotations

from oo_pipelines.report.prompt_report import prompts
from oo_pipelines.report.render_prompts import render_prompts
from oo_pipelines.report.round_outcomes import tips

from oo_cli.options import DEFAULT_DATA_DIR, Data, Form, Html, Output, Rewards, Since, StoreUrl
from oo_cli.render_report import print_report
from oo_cli.report_options import report_options

__all__ = ["run"]


def run(
    *,
    html: Html = None,
    rewards: Rewards = "v1",
    since: Since = None,
    data: Data = DEFAULT_DATA_DIR,
    store_url: StoreUrl = None,
    output: Form = Output.TABLE,
) -> None:
    """Report what prompt versions are worth, weighted by the propensities of their draws, and what they cost."""
    with report_options(data, store_url, rewards, since) as options:
        report = prompts(tips(options.store, options.now, options.table), options.since)
    print_report(options, report, [render_prompts(report)], html, output)
