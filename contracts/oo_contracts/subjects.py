"""Streams and subjects: their names appear nowhere else."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "DECISIONS",
    "DLQ",
    "FEEDBACK",
    "PREDICTIONS",
    "SIGNALS",
    "STREAMS",
    "Stream",
    "dead",
    "decision",
    "feedback",
    "prediction",
    "signal",
]


@dataclass(frozen=True, slots=True)
class Stream:
    """A JetStream stream over `<root>.>`."""

    name: str
    root: str

    @property
    def subjects(self) -> str:
        return f"{self.root}.>"


SIGNALS = Stream("SIGNALS", "signals")
FEEDBACK = Stream("FEEDBACK", "feedback")
DECISIONS = Stream("DECISIONS", "decisions")
PREDICTIONS = Stream("PREDICTIONS", "predictions")
DLQ = Stream("DLQ", "dlq")
STREAMS = (SIGNALS, FEEDBACK, DECISIONS, PREDICTIONS, DLQ)


def signal(kind: str) -> str:
    return f"{SIGNALS.root}.{kind}"


def feedback(reaction: str) -> str:
    return f"{FEEDBACK.root}.{reaction}"


def decision(route: str) -> str:
    return f"{DECISIONS.root}.{route}"


def prediction(model: str) -> str:
    return f"{PREDICTIONS.root}.{model}"


def dead(durable: str) -> str:
    return f"{DLQ.root}.{durable}"
