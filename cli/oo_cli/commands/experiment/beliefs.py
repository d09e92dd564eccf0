"""The command `oo-ml experiment beliefs`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import typer
from oo_contracts.subjects import BELIEFS_BUCKET
from oo_experiments.policies.beliefs import MICRO, Beliefs

from oo_cli.nats_buckets import values_of
from oo_cli.options import DEFAULT_DATA_DIR, Data, Form, NatsUrl, Output
from oo_cli.render_rows import print_rows
from oo_cli.terminal import console, refuse, say, warn

__all__ = ["run"]


def run(
    key: Annotated[str | None, typer.Argument(help="An experiment; without it, all.", show_default=False)] = None,
    data: Data = DEFAULT_DATA_DIR,
    nats_url: NatsUrl = None,
    output: Form = Output.TABLE,
) -> None:
    """Show what the policies of an experiment have learned: rounds and mean reward of each arm."""
    stored = dict(_beliefs_by_key(values_of(data, nats_url, BELIEFS_BUCKET)))
    if key is not None and key not in stored:
        refuse(f"nothing is kept of {key}; there are beliefs of {', '.join(stored) or 'no experiment'}")
    selected = {name: value for name, value in stored.items() if key in {None, name}}
    if output is Output.JSON:
        say(selected)
        return
    for name, value in selected.items():
        _show(name, value)
    if not selected:
        console.print("no experiment has a policy with beliefs")


def _beliefs_by_key(bucket: Mapping[str, bytes]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the beliefs of the bucket; a value that no belief writer made is left out, with a warning."""
    for key, value in bucket.items():
        try:
            parsed_json = json.loads(value)
            plain = {name: str(parsed_json[name]) for name in ("experiment", "as_of", "rewards", "digest")}
            yield key, plain | {"beliefs": Beliefs.from_plain(parsed_json["beliefs"]).to_plain()}
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            warn(f"left out: beliefs of {key}: {error!r}")


def _show(key: str, value: Mapping[str, Any]) -> None:
    rows: list[tuple[str, ...]] = [
        (arm, f"{rounds:,} rounds", f"mean reward {total / MICRO / rounds:.4f}" if rounds else "")
        for arm, (rounds, total) in sorted(value["beliefs"]["arms"].items())
    ]
    if linear := value["beliefs"].get("linear"):
        rows.append(("contexts", f"{linear['rounds']:,} rounds", f"of {linear['d'] - 1} features"))
    summary = f"as of {value['as_of'][:19]}, rewards {value['rewards']}"
    print_rows(key, summary, rows or [("no closed round yet",)])
