"""A side that is handed rows ready made, and answers with a value for each."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from oo_serving.connection_pool import ConnectionPool

from oo_bench.chains.side import Side, VerificationFailed
from oo_bench.http_caller import HttpCaller, predictions_outcome
from oo_bench.load import Caller

__all__ = ["predictions_side"]

FIRST_TIMEOUT_S = 30.0  # for the first call, which may load something


def _predictions(answer: Any) -> int:
    return len(answer["predictions"])


def predictions_side(
    name: str, title: str, port: int, pids: Mapping[str, int],
    *, path: str, body: Callable[[int], bytes], count: Callable[[Any], int] = _predictions,
) -> Side:  # fmt: skip
    """Return the side; `count` finds in an answer how many rows it has values of."""

    async def connect(candidates: int) -> Caller:
        pool, data = ConnectionPool(f"http://127.0.0.1:{port}"), body(candidates)
        response = await pool.post(path, data, (), FIRST_TIMEOUT_S)
        if response.status != 200 or count(json.loads(response.body)) != candidates:
            raise VerificationFailed(f"{title}: {response.status} {response.body[:300]!r}")
        return HttpCaller(pool, path, data, predictions_outcome)

    return Side(name, title, connect, pids)
