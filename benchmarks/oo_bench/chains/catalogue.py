"""The catalogue of what can be compared, in the order in which it is shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from oo_bench.chains import embedded, floors, ours, peers, stock
from oo_bench.chains.side import Side
from oo_bench.processes import Processes
from oo_bench.results import SideRecord

__all__ = ["CHAINS", "Chain", "names", "start"]


def _installed() -> str | None:
    return None


@dataclass(frozen=True, slots=True)
class Chain:
    """Sides that are started together, by name; `missing` says why they cannot be, None if they can."""

    titles: Mapping[str, str]
    start: Callable[[Processes, Path, Mapping[str, str]], Sequence[Side]]
    missing: Callable[[], str | None] = _installed


CHAINS = (
    Chain({"onnx": "floor: ONNX Runtime in process"}, floors.onnx_sides),
    Chain({"floor": "floor: two bare HTTP hops"}, floors.relay_sides),
    Chain({"ours": "ours: transformer and predictor"}, ours.sides),
    Chain({"envoy": "ours through Envoy"}, embedded.envoy_sides),
    Chain({"stack": "ours, whole stack with consumers"}, embedded.stack_sides),
    Chain({"stock": "stock KServe chain", "kserve": "KServe predictor alone"}, stock.sides),
    Chain({"mlserver": "MLServer, scikit-learn runtime"}, peers.mlserver_sides, peers.mlserver_missing),
    Chain({"mlflow": "mlflow models serve"}, peers.mlflow_sides, peers.mlflow_missing),
)


def names() -> tuple[str, ...]:
    """Return the names of all sides."""
    return tuple(name for chain in CHAINS for name in chain.titles)


def start(processes: Processes, folder: Path, only: Sequence[str]) -> tuple[tuple[Side, ...], tuple[SideRecord, ...]]:
    """Start the sides that are asked for and installed, wait for them, and return them with a record of every side.

    Raises:
        ProcessEnded: a process ended, or was not ready in time.
    """
    sides: list[Side] = []
    records: list[SideRecord] = []
    for chain in CHAINS:
        if not set(chain.titles) & set(only):
            records += _records(chain, "not asked for")
        elif (reason := chain.missing()) is not None:
            records += _records(chain, "not installed", reason)
        else:
            found = [side for side in chain.start(processes, folder, chain.titles) if side.name in only]
            sides += found
            records += [_record(chain, name, found) for name in chain.titles]
    processes.wait_until_ready()
    return tuple(sides), tuple(records)


def _record(chain: Chain, name: str, found: Sequence[Side]) -> SideRecord:
    measured = name in {side.name for side in found}
    return SideRecord(name=name, title=chain.titles[name], state="measured" if measured else "not asked for")


def _records(chain: Chain, state: str, detail: str = "") -> list[SideRecord]:
    return [
        SideRecord.model_validate({"name": name, "title": title, "state": state, "detail": detail})
        for name, title in chain.titles.items()
    ]
