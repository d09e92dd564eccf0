"""Our whole `/score` against the stock KServe chain, side by side in one run: `make bench`.

Ours is one transformer process and one predictor process: Todoist tasks in, features, one prediction, a policy, a
drawn decision, its event on the way to a real nats-server. The stock chain is a plain KServe transformer before a plain
scikit-learn KServe predictor over V1; it is handed the same rows ready made and does nothing else. Both serve the same
fitted model, one call at a time, without Envoy, with OMP_NUM_THREADS=1. Rounds of both alternate, so that whatever else
the machine does meets both; the ratio is the median over rounds of the p50s' ratio, with the range of all rounds.
A call that is refused or gets a degraded answer is missed: it has no part in the percentiles, and fails the run.

    make bench ARGS="--rounds 20 --max-ratio 0.30"
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import joblib
import nats
import numpy as np
import skops.io
from oo_consumers import streams
from oo_contracts.score import ScoreRequest
from oo_contracts.score_call import ScoreCall
from oo_features.feature_context import FeatureContext
from oo_features.feature_sets import RANKER_V1
from oo_model_cards.artifact import ModelFiles, Parity, write_model
from skl2onnx import to_onnx
from sklearn import __version__ as sklearn_version
from sklearn.ensemble import HistGradientBoostingClassifier

MODEL = "stock"
STOCK = Path(__file__).with_name("stock.py")
PATIENCE = 60.0  # seconds for a process to open its port
Check = Callable[[dict[str, object]], bool]


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two: how to call it, whether an answer is a real one, and what came of the calls that it missed."""

    name: str
    port: int
    request: bytes
    sound: Check
    nats_url: str = ""
    missed: list[str] = field(default_factory=list)


def main() -> None:
    options = arguments()
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as running:
        sides = started(Path(folder), options.candidates, running)
        timed: dict[str, list[list[float]]] = {side.name: [] for side in sides}
        for side in sides:
            latencies(side, options.warmup)
            side.missed.clear()
        for place in range(options.rounds):
            for side in sides if place % 2 else sides[::-1]:
                timed[side.name].append(latencies(side, options.calls))
    found = figures(timed)
    for side in sides:
        found[side.name]["missed"] = len(side.missed)
    print(json.dumps(found, indent=2) if options.json else table(found, options))
    too_slow = options.max_ratio is not None and found["ratio"]["median"] > options.max_ratio
    if too_slow:
        print(f"FAILED: the ratio {found['ratio']['median']:.3f} is above {options.max_ratio:g}", file=sys.stderr)
    refuse_missed(*sides)
    sys.exit(too_slow)


def refuse_missed(*sides: Side) -> None:
    """End with exit code 1 when a call was missed."""
    for side in sides:
        if side.missed:
            sys.exit(f"FAILED: {side.name} missed {len(side.missed)} calls, the first by {side.missed[0]}")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=10, help="of each side (default %(default)s)")
    parser.add_argument("--calls", type=int, default=300, help="in each round (default %(default)s)")
    parser.add_argument("--warmup", type=int, default=300, help="calls that do not count (default %(default)s)")
    parser.add_argument("--candidates", type=int, default=10, help="in each call (default %(default)s)")
    parser.add_argument("--max-ratio", type=float, help="exit code 1 when the median ratio of the p50s is above")
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")
    return parser.parse_args()


def started(folder: Path, candidates: int, running: contextlib.ExitStack) -> tuple[Side, Side]:
    """Start both chains and wait for them."""
    fitted(folder)
    ours = our_side(folder, candidates, running)
    stock, stock_model = free_port(), free_port()
    stocks = [sys.executable, "-P", STOCK, "--enable_grpc=false"]
    start(running, [*stocks, f"--http_port={stock_model}", "--model_file", folder / "model.joblib"])
    start(running, [*stocks, f"--http_port={stock}", "--predictor_host", f"127.0.0.1:{stock_model}"])
    wait_for(stock_model)
    wait_for(stock)
    predicted: Check = lambda answer: len(answer["predictions"]) == candidates  # type: ignore[arg-type]  # noqa: E731  # JSON
    instances = {"instances": rows_of(call(candidates))}
    return ours, Side("stock KServe V1", stock, request(f"/v1/models/{MODEL}:predict", instances), predicted)


def our_side(folder: Path, candidates: int, running: contextlib.ExitStack) -> Side:
    """Start nats-server, predictor and transformer over the model that `fitted` left in the folder."""
    bus, ours, model = (free_port() for _ in range(3))
    python = [sys.executable, "-P", "-m"]
    nats_server = [f"{sys.prefix}/bin/nats-server", "-js", "-sd", f"{folder}/nats", "-a", "127.0.0.1", "-p", f"{bus}"]
    predictor = [*python, "oo_predictors", "--model_dir", folder / "model", "--http_port", f"{model}"]
    transformer = [*python, "oo_transformers", "--predictor_host", f"127.0.0.1:{model}", "--http_port", f"{ours}"]
    for command in (nats_server, predictor, transformer):
        start(running, command, bus)
    for port in (bus, model, ours):
        wait_for(port)
    asyncio.run(make_streams(bus))
    scored: Check = lambda answer: answer["degraded"] is None and len(answer["scores"]) == candidates  # type: ignore[arg-type]  # noqa: E731  # JSON
    return Side("oO/ml /score", ours, request("/score", call(candidates)), scored, f"nats://127.0.0.1:{bus}")


def start(running: contextlib.ExitStack, command: Sequence[object], bus: int = 0, **environ: object) -> None:
    """Start a process that ends with the run; `bus` is the port of its nats-server, where it has one."""
    told = {
        "OMP_NUM_THREADS": "1",
        "OO_TRANSFORMER_NATS_URL": f"nats://127.0.0.1:{bus}",
        "OO_PREDICTOR_NATS_URL": f"nats://127.0.0.1:{bus}",
        "OO_TRANSFORMER_HOST": "127.0.0.1",
        "OO_TRANSFORMER_BUDGET_MS": "2000",  # a slow call counts by its time, and is no degraded answer
        "OO_PREDICTOR_HOST": "127.0.0.1",
    } | {name: str(value) for name, value in environ.items()}
    running.enter_context(process(command, told))


def call(candidates: int) -> dict[str, object]:
    """One user's call with Todoist's own task objects."""
    return {
        "user_id": "u-1",
        "timezone": "Europe/Berlin",
        "tasks": [todoist_task(place) for place in range(candidates)],
        "profile_features": {"completion_rate_30d": 0.7, "preferred_hour": 9, "tip_volume_7d": 12},
    }


def todoist_task(place: int) -> dict[str, object]:
    return {
        "id": f"t-{place}",
        "content": f"Write part {place} of the report",
        "priority": place % 4 + 1,
        "labels": ["work"] if place % 3 else [],
        "due": {"date": f"2026-11-{place % 28 + 1:02d}", "is_recurring": place % 5 == 0},
        "added_at": "2026-10-05T09:00:00.000000Z",
        "checked": False,
        "child_order": place,
    }


def rows_of(ask: dict[str, object]) -> list[list[float]]:
    """The rows that our transformer computes for the call: what the stock chain is handed."""
    call = ScoreCall.from_request(ScoreRequest.model_validate(ask))
    moment = FeatureContext.at(datetime.now(UTC), call.timezone, call.tasks, call.profile_features)
    rows: list[list[float]] = RANKER_V1.rows(moment, call.candidates).values.tolist()
    return rows


def fitted(folder: Path) -> None:
    """One model, as our sealed folder and as the stock chain's joblib file."""
    draw = np.random.default_rng(1)
    rows = draw.normal(size=(4_000, len(RANKER_V1.names))).astype(np.float32)
    rewarded = (rows[:, 0] + rows[:, 1] * rows[:, 2] + draw.normal(size=len(rows)) > 0).astype(int)
    model = HistGradientBoostingClassifier(random_state=0).fit(rows, rewarded)
    graph = to_onnx(model, rows[:1], options={"zipmap": False}).SerializeToString()
    parity = Parity(rows=len(rows), max_difference=0, tolerance=1e-5)
    write_model(
        folder / "model",
        ModelFiles(skops.io.dumps(model), graph, RANKER_V1.ref, RANKER_V1.names, sklearn_version, parity),
    )
    joblib.dump(model, folder / "model.joblib")


@contextlib.contextmanager
def process(command: Sequence[object], variables: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A process that ends with the run."""
    words = [str(word) for word in command]
    child = subprocess.Popen(words, env=os.environ | variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603  # ours
    try:
        yield child
    finally:
        child.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(10)
        child.kill()
        child.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    sys.exit(f"nothing listens on port {port}")


async def make_streams(bus: int) -> None:
    connection = await nats.connect(f"nats://127.0.0.1:{bus}")
    await streams.ensure_streams(connection.jetstream())
    await connection.close()


def request(path: str, body: dict[str, object]) -> bytes:
    data = json.dumps(body).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\ncontent-length: {len(data)}\r\n\r\n"
    )
    return head.encode() + data


def latencies(side: Side, calls: int, pause_s: float = 0.0) -> list[float]:
    """Each call's ms on one connection, with a pause before each, without those that the side missed.

    Every answer is checked outside the measured time.
    """
    found = []
    with socket.create_connection(("127.0.0.1", side.port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(calls):
            if pause_s:
                time.sleep(pause_s)
            began = time.perf_counter()
            connection.sendall(side.request)
            head, body = answer(connection)
            ms = (time.perf_counter() - began) * 1000
            if head.startswith(b"HTTP/1.1 200") and side.sound(json.loads(body)):
                found.append(ms)
            else:
                side.missed.append(f"{head[:20]!r} {body[:300]!r}")
    if not found:
        sys.exit(f"FAILED: {side.name} missed all calls, the last by {side.missed[-1]}")
    return found


def answer(connection: socket.socket) -> tuple[bytes, bytes]:
    data = connection.recv(1 << 16)
    while b"\r\n\r\n" not in data:
        data += connection.recv(1 << 16)
    head, _, body = data.partition(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
    while len(body) < length:
        body += connection.recv(1 << 16)
    return head, body


def figures(timed: dict[str, list[list[float]]]) -> dict[str, dict[str, float]]:
    """p50 and p99 of each side over all rounds, and the ratio of the p50s by round."""
    ours, stock = timed.values()
    ratios = [statistics.median(a) / statistics.median(b) for a, b in zip(ours, stock, strict=True)]
    sides = {name: percentiles([ms for one in rounds for ms in one]) for name, rounds in timed.items()}
    return sides | {"ratio": {"median": statistics.median(ratios), "lowest": min(ratios), "highest": max(ratios)}}


def percentiles(values: list[float]) -> dict[str, float]:
    p50, p99 = np.percentile(values, [50, 99])
    return {"calls": len(values), "p50_ms": float(p50), "p99_ms": float(p99)}


def table(found: dict[str, dict[str, float]], options: argparse.Namespace) -> str:
    *sides, ratio = found
    lines = [f"{options.candidates} candidates, {options.rounds} alternating rounds of {options.calls} calls, in ms"]
    lines += [
        f"  {name:<16} p50 {side['p50_ms']:6.3f}   p99 {side['p99_ms']:6.3f}   missed {side['missed']:g}"
        for name, side in found.items()
        if name in sides
    ]
    spread = found[ratio]
    lines += [f"  ratio of the p50s {spread['median']:.3f}  [{spread['lowest']:.3f}, {spread['highest']:.3f}]"]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
