"""The options of all reports, parsed: the store, the reward table, and which rounds are meant."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from oo_consumers.effect_store import Store
from oo_contracts.reward_table import BadRewards, RewardTable
from oo_experiments.ope.log import BadLog
from oo_pipelines.report.report_section import format_instant

from oo_cli.stack_store import open_store
from oo_cli.terminal import refuse

__all__ = ["ReportOptions", "report_options"]


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """The options that all reports have, parsed."""

    store: Store
    table: RewardTable
    now: datetime
    since: datetime | None

    @property
    def plain(self) -> dict[str, Any]:
        """The options for JSON."""
        return {"at": self.now, "since": self.since, "rewards": self.table.version}

    @property
    def subtitle(self) -> str:
        """The sentence on which rounds are reported, and as of when."""
        since = f"rounds since {format_instant(self.since)}" if self.since else "all rounds"
        return f"{since} as of {format_instant(self.now)}, by the reward table {self.table.version}"


@contextmanager
def report_options(data: Path, store_url: str | None, rewards: str, since: datetime | None) -> Iterator[ReportOptions]:
    """Have the options with an open store inside; what goes wrong there is refused."""
    now = datetime.now(UTC)
    try:
        table = RewardTable.read(rewards)
        with open_store(data, store_url) as store:
            yield ReportOptions(store, table, now, since)
    except (BadLog, BadRewards) as error:
        refuse(str(error))
