"""The command `oo-ml report policies`. Exit code 2 for an unusable store, table or option."""

from __future__ import annotations

from oo_pipelines.report.policy_report import policies
from oo_pipelines.report.render_policies import render_policies
from oo_pipelines.report.round_outcomes import scores

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
    """Report what the policies that acted earned, and what the shadow policies would have earned."""
    with report_options(data, store_url, rewards, since) as options:
        rounds = list(scores(options.store, options.now, options.table))
        closed = options.store.rounds(options.now, options.table)
        report = policies(rounds, closed, options.store.predictions(), options.now, options.since)
    print_report(options, report, [render_policies(report)], html, output)
