"""The content of `bench.json`, whose JSON schema is committed beside this file as `bench.schema.json`."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Bench", "Machine", "Measurement", "RoundFigures", "SideRecord", "Spread", "Storage"]


class Record(BaseModel):
    """A part of the file; nothing else may be in it."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Machine(Record):
    """The machine, and what else it did: the load average is how many processes wanted a core."""

    cores: int
    cpu: str
    memory_gb: float
    system: str
    python: str
    load_average_at_start: float
    load_average_at_end: float


class SideRecord(Record):
    """One of what is compared, and whether it was measured; `detail` says why not, or what it is."""

    name: str
    title: str
    state: Literal["measured", "not installed", "not asked for"]
    detail: str = ""


class Spread(Record):
    """The median over rounds of a figure, with its range; without rounds that have the figure there is none."""

    median: float
    lowest: float
    highest: float
    rounds: int


class RoundFigures(Record):
    """One round of one side under one load.

    Percentiles are of answered calls. `cpu_ms` is CPU time per call by process, `delay_p99_ms` by how much an open
    loop started its calls late.
    """

    calls: int
    answered: int
    missed: dict[str, int]
    seconds: float
    answered_per_s: float
    p50_ms: float | None
    p99_ms: float | None
    cpu_ms: dict[str, float]
    delay_p99_ms: float | None


class Measurement(Record):
    """One side under one load with one number of candidates; `p999_ms` is of the calls of all rounds."""

    side: str
    load: str
    candidates: int
    rounds: tuple[RoundFigures, ...]
    calls: int
    missed: dict[str, int]
    p50_ms: Spread | None
    p99_ms: Spread | None
    p999_ms: float | None
    answered_per_s: Spread
    cpu_ms: dict[str, float]


class Storage(Record):
    """What rounds of the whole stack leave behind, in bytes a round by store, and the decision event's size."""

    candidates: int
    rounds: int
    bytes_per_round: dict[str, float]
    event_bytes: int


class Bench(Record):
    """A run.

    `ratios` has one number by name, `ratio_ranges` its range over rounds, `left_out` why one is not there.
    `server_timing_ms` says where the time of a call goes in our transformer, by its number of candidates.
    """

    schema_version: Literal[1] = 1
    started_at: str
    seconds: float
    commit: str
    machine: Machine
    rounds: int
    seconds_per_round: float
    candidates: tuple[int, ...]
    sides: tuple[SideRecord, ...]
    measurements: tuple[Measurement, ...]
    storage: tuple[Storage, ...]
    memory_mb: dict[str, dict[str, float]]
    server_timing_ms: dict[int, dict[str, float]]
    ratios: dict[str, float]
    ratio_ranges: dict[str, Spread]
    left_out: dict[str, str] = Field(default_factory=dict)
