"""The predictor against the least that its model costs, side by side in one run: `make bench-predictor`.

Four sides compute the values of the same rows by the same graph: a call of ONNX Runtime in this process; the floor, a
server of `predictor_floor.py` that only finds the body of a request; our predictor by JSON; and our predictor by raw
tensors, the binary extension of the Open Inference Protocol. The predictor publishes its events to a real nats-server.
There is one call at a time; rounds of all sides alternate, so that whatever else the machine does meets all of them. A
ratio is the median over rounds of the p50s' ratio, with the range of all rounds; "floor" is its denominator.

    make bench-predictor ARGS="--rows 10 200 --rounds 20"
"""

from __future__ import annotations

import argparse
import contextlib
import json
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from oo_bench.chains import ours
from oo_bench.chains.floors import onnx_session
from oo_bench.processes import Processes, free_port
from oo_bench.ranker import graph_file, write_ranker
from oo_features.feature_sets import RANKER_V1

MODEL = "ranker"
FLOOR_PROGRAM = Path(__file__).with_name("predictor_floor.py")
FLOOR, BINARY, JSON = "floor: ONNX + HTTP", "predictor, binary", "predictor, JSON"
Rows = npt.NDArray[np.float32]
Call = Callable[[], None]
Timed = dict[str, list[list[float]]]


def main() -> None:
    options = arguments()
    found: dict[str, dict[str, dict[str, float]]] = {}
    with tempfile.TemporaryDirectory() as name, Processes(Path(name)) as processes:
        graph, floor, predictor = started(processes, Path(name))
        for count in options.rows:
            rows = np.random.default_rng(count).normal(size=(count, len(RANKER_V1.names))).astype(np.float32)
            with contextlib.ExitStack() as connections:
                sides = sides_of(graph, rows, connected(floor, connections), connected(predictor, connections))
                found[str(count)] = figures(timed(sides, options))
    print(json.dumps(found, indent=2) if options.json else table(found, options))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[1, 10, 50, 200], help="in a call (default %(default)s)")
    parser.add_argument("--rounds", type=int, default=10, help="of each side (default %(default)s)")
    parser.add_argument("--calls", type=int, default=300, help="in each round (default %(default)s)")
    parser.add_argument("--warmup", type=int, default=300, help="calls that do not count (default %(default)s)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")
    return parser.parse_args()


def started(processes: Processes, folder: Path) -> tuple[Path, int, int]:
    """Start nats-server, floor and predictor; return the graph's file, and the ports of the last two."""
    write_ranker(folder)
    graph, floor = graph_file(folder), free_port()
    processes.start(
        "floor", [sys.executable, "-P", FLOOR_PROGRAM, graph, floor], floor, PYTHONPATH=FLOOR_PROGRAM.parent
    )
    predictor = ours.start_predictor(processes, folder, ours.start_nats(processes, folder), "--model_name", MODEL)
    processes.wait_until_ready()
    return graph, floor, predictor


def connected(port: int, connections: contextlib.ExitStack) -> socket.socket:
    connection = connections.enter_context(socket.create_connection(("127.0.0.1", port)))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def sides_of(graph: Path, rows: Rows, floor: socket.socket, ours: socket.socket) -> dict[str, Call]:
    """Return one call of each side; all of them must give the values that ONNX Runtime gives here."""
    session = onnx_session(graph)
    names = [session.get_outputs()[1].name], session.get_inputs()[0].name
    bare = lambda: session.run(names[0], {names[1]: rows})[0][:, 1]  # noqa: E731  # as short as the call itself
    values = bare().tolist()
    infer, raw = f"/v2/models/{MODEL}/infer", rows.astype("<f4").tobytes()
    text = body_of(rows, {"data": rows.ravel().tolist()}, {})
    head = body_of(rows, {"parameters": {"binary_data_size": len(raw)}}, {"binary_data_output": True})
    binary = request(infer, head + raw, "application/octet-stream", f"inference-header-content-length: {len(head)}")
    asked = {
        FLOOR: (floor, request("/", raw, "application/octet-stream"), lambda _, body: numbers(body)),
        BINARY: (ours, binary, lambda head, body: numbers(body[json_length(head) :])),
        JSON: (ours, request(infer, text, "application/json"), lambda _, body: json.loads(body)["outputs"][0]["data"]),
    }
    sides: dict[str, Call] = {"ONNX alone": bare}
    for name, (connection, data, read) in asked.items():
        if read(*exchanged(connection, data)) != values:
            sys.exit(f"FAILED: {name} gives other values")
        sides[name] = lambda connection=connection, data=data: exchanged(connection, data)  # type: ignore[misc]  # bound
    return sides


def body_of(rows: Rows, numbers: dict[str, object], parameters: dict[str, object]) -> bytes:
    tensor = {"name": "rows", "shape": list(rows.shape), "datatype": "FP32", **numbers}
    origin = {"feature_set": RANKER_V1.ref, "columns": RANKER_V1.columns}
    return json.dumps({"id": "r-1", "parameters": {**origin, **parameters}, "inputs": [tensor]}).encode()


def request(path: str, body: bytes, content_type: str, *headers: str) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "host: bench", f"content-type: {content_type}", f"content-length: {len(body)}"]
    return "\r\n".join([*lines, *headers, "\r\n"]).encode() + body


def exchanged(connection: socket.socket, data: bytes) -> tuple[bytes, bytes]:
    """Return head and body of the answer to a request.

    Raises:
        SystemExit: the answer is not a 200.
    """
    connection.sendall(data)
    head, body = answer(connection)
    if not head.startswith(b"HTTP/1.1 200"):
        sys.exit(f"FAILED: {head[:20]!r} {body[:300]!r}")
    return head, body


def answer(connection: socket.socket) -> tuple[bytes, bytes]:
    data = connection.recv(1 << 16)
    while b"\r\n\r\n" not in data:
        data += connection.recv(1 << 16)
    head, _, body = data.partition(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
    while len(body) < length:
        body += connection.recv(1 << 16)
    return head, body


def numbers(raw: bytes) -> list[float]:
    values: list[float] = np.frombuffer(raw, "<f4").tolist()
    return values


def json_length(head: bytes) -> int:
    return int(head.lower().split(b"inference-header-content-length:")[1].split(b"\r\n")[0])


def timed(sides: dict[str, Call], options: argparse.Namespace) -> Timed:
    """Return each call's ms by side and round."""
    for call in sides.values():
        latencies(call, options.warmup)
    found: Timed = {name: [] for name in sides}
    for place in range(options.rounds):
        for name in sides if place % 2 else [*sides][::-1]:
            found[name].append(latencies(sides[name], options.calls))
    return found


def latencies(call: Call, calls: int) -> list[float]:
    found = []
    for _ in range(calls):
        began = time.perf_counter()
        call()
        found.append((time.perf_counter() - began) * 1000)
    return found


def figures(found: Timed) -> dict[str, dict[str, float]]:
    """Return the percentiles of each side over all rounds, and how its p50 stands to the floor's, round by round."""
    return {
        name: percentiles([ms for one in rounds for ms in one]) | ratio(rounds, found[FLOOR])
        for name, rounds in found.items()
    }


def percentiles(values: list[float]) -> dict[str, float]:
    p50, p99 = np.percentile(values, [50, 99])
    return {"calls": len(values), "p50_ms": float(p50), "p99_ms": float(p99)}


def ratio(rounds: Sequence[list[float]], floor: Sequence[list[float]]) -> dict[str, float]:
    ratios = [statistics.median(a) / statistics.median(b) for a, b in zip(rounds, floor, strict=True)]
    return {"ratio": statistics.median(ratios), "lowest": min(ratios), "highest": max(ratios)}


def table(found: dict[str, dict[str, dict[str, float]]], options: argparse.Namespace) -> str:
    lines = [f"{options.rounds} alternating rounds of {options.calls} calls, p50 in ms, and its ratio to the floor's"]
    for count, sides in found.items():
        lines.append(f"{count} rows")
        lines += [
            f"  {name:<20} {side['p50_ms']:7.3f}   {side['ratio']:5.2f}  [{side['lowest']:.2f}, {side['highest']:.2f}]"
            for name, side in sides.items()
        ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
