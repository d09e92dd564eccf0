"""The circuit before the predictor: its states against a naive model, and a real transformer whose predictor hangs."""

from __future__ import annotations

import asyncio
import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oo_contracts.score import ModelInfo
from oo_transformers.circuit_breaker import CircuitBreaker
from oo_transformers.degradation import CircuitOpen, FeatureSetMismatch, PredictorUnreachable
from oo_transformers.predictor_circuit import PredictorCircuit
from oo_transformers.predictor_messages import Predictions
from real_transformer import ASK, started
from waiting import eventually

BUDGET_S = 1.5
OPEN_S = 4.0


def circuit_of(history, max_failures, open_s):
    """What the circuit admits, by its whole history and nothing else: (admitted, instant of the next probe)."""
    is_open, failures, probing, probe_at = False, 0, False, 0.0
    admitted = []
    epochs = {}
    epoch = 0
    for what, when, call in history:
        if what == "admit":
            may_probe = is_open and not probing and when >= probe_at
            if may_probe:
                probing, epoch = True, epoch + 1
            admitted.append(may_probe or not is_open)
            epochs[len(admitted) - 1] = epoch if admitted[-1] else None
        elif epochs[call] == epoch:
            if what == "success":
                failures = 0
                if is_open:
                    is_open, probing, epoch = False, False, epoch + 1
            elif what == "failure":
                failures += 1
                if is_open or failures >= max_failures:
                    is_open, probing, failures, probe_at, epoch = True, False, 0, when + open_s, epoch + 1
            elif is_open:
                probing, epoch = False, epoch + 1
    return admitted


@given(
    st.lists(st.tuples(st.sampled_from(["admit", "admit", "success", "failure", "forget"]), st.integers(0, 5))),
    st.integers(1, 3),
    st.integers(0, 8),
    st.randoms(use_true_random=False),
)
def test_any_history_is_as_the_naive_model_says(steps, max_failures, open_s, draw):
    changes = []
    circuit = CircuitBreaker(max_failures, open_s, changes.append)
    now, under_way, generations, history = 0, [], [], []
    for what, later in steps:
        now += later
        if what == "admit":
            generations.append(circuit.admit(now))
            history.append((what, now, None))
            if generations[-1] is not None:
                under_way.append(len(generations) - 1)
        elif under_way:
            call = under_way.pop(draw.randrange(len(under_way)))
            history.append((what, now, call))
            match what:
                case "success":
                    circuit.record_success(generations[call])
                case "failure":
                    circuit.record_failure(generations[call], now)
                case "forget":
                    circuit.forget(generations[call])

    assert [generation is not None for generation in generations] == circuit_of(history, max_failures, open_s)
    assert circuit.state == (changes[-1] if changes else "closed")
    assert all(one != other for one, other in itertools.pairwise(changes))


@given(st.integers(1, 20), st.integers(1, 200))
def test_an_open_circuit_admits_one_call_however_many_come(max_failures, calls):
    circuit = CircuitBreaker(max_failures, 1.0, lambda _: None)
    for generation in [circuit.admit(0.0) for _ in range(max_failures)]:
        circuit.record_failure(generation, 0.0)

    assert [circuit.admit(0.999) for _ in range(calls)] == [None] * calls
    assert sum(circuit.admit(1.0) is not None for _ in range(calls)) == 1


def test_a_call_from_before_the_circuit_opened_does_not_close_it():
    circuit = CircuitBreaker(1, 1.0, lambda _: None)
    early, failing = circuit.admit(0.0), circuit.admit(0.0)
    circuit.record_failure(failing, 0.0)

    circuit.record_success(early)

    assert circuit.state == "open"


class Client:
    """A predictor that fails as it is told, and counts how often it was asked."""

    def __init__(self, failure=None):
        self.failure, self.asked = failure, 0

    async def predict(self, *_):
        self.asked += 1
        if self.failure is not None:
            raise self.failure
        return Predictions((0.5,), ModelInfo(name="m", version="1"))


def guard(client, states, clock=lambda: 0.0):
    return PredictorCircuit(client, CircuitBreaker(2, 1.0, states.append), clock)


async def ask(predictor):
    try:
        await predictor.predict(((0.5,),), "f@1", "r-1", {})
    except Exception as error:  # noqa: BLE001  # its kind is what is asked for
        return type(error)
    return None


async def test_a_predictor_that_does_not_answer_is_not_asked_any_more():
    client, states, now = Client(PredictorUnreachable("slow")), [], [0.0]
    predictor = guard(client, states, lambda: now[0])
    found = [await ask(predictor) for _ in range(4)]
    client.failure, now[0] = None, 1.0
    found += [await ask(predictor) for _ in range(2)]

    assert found == [PredictorUnreachable, PredictorUnreachable, CircuitOpen, CircuitOpen, None, None]
    assert (client.asked, states) == (4, ["open", "half_open", "closed"])


async def test_a_predictor_that_answers_wrongly_is_asked_again():
    client, states = Client(FeatureSetMismatch("other")), []
    predictor = guard(client, states)

    assert [await ask(predictor) for _ in range(9)] == [FeatureSetMismatch] * 9
    assert states == []


async def test_a_probe_whose_caller_leaves_is_followed_by_another():
    client, states, now = Client(PredictorUnreachable("slow")), [], [0.0]
    predictor = guard(client, states, lambda: now[0])
    for _ in range(2):
        await ask(predictor)
    client.failure, now[0] = asyncio.CancelledError(), 1.0
    with pytest.raises(asyncio.CancelledError):
        await predictor.predict(((0.5,),), "f@1", "r-1", {})
    client.failure = None

    assert (await ask(predictor), states) == (None, ["open", "half_open", "open", "half_open", "closed"])


@pytest.fixture
def edge(tmp_path):
    edge = started(
        tmp_path / "nats",
        OO_TRANSFORMER_BUDGET_MS=f"{BUDGET_S * 1000:.0f}",
        OO_TRANSFORMER_CIRCUIT_MAX_FAILURES="1",
        OO_TRANSFORMER_CIRCUIT_OPEN_MS=f"{OPEN_S * 1000:.0f}",
    )
    yield edge
    edge.close()


def spent(reply):
    """Seconds that the call waited for the predictor, by its own account."""
    parts = dict(part.split(";dur=") for part in reply.headers["server-timing"].split(", "))
    return float(parts["predictor"]) / 1000


def test_a_hanging_predictor_costs_one_budget_and_is_found_again(edge):
    edge.start_predictor()
    edge.predictor.RequestHandlerClass.delay = 60.0
    first, *others = [edge.post("/score", ASK) for _ in range(6)]
    ready = edge.get("/healthz/ready").status_code
    edge.predictor.RequestHandlerClass.delay = 0.0

    assert [reply.json()["degraded"] for reply in (first, *others)] == ["predictor"] * 6
    assert spent(first) > 0.9 * BUDGET_S
    assert max(map(spent, others)) < 0.5 * BUDGET_S
    assert ready == 200
    assert eventually(lambda: edge.post("/score", ASK).json()["degraded"] is None)
    changes = circuit_changes(edge)
    assert (changes["closed"], changes["open"]) == (1, changes["half_open"])


def circuit_changes(edge):
    lines = [line for line in edge.get("/metrics").text.splitlines() if line.startswith("oo_predictor_circuit_total")]
    counted = [line.split() for line in lines if "large_calls" not in line]
    return {name.split('"')[1]: json.loads(number) for name, number in counted}
