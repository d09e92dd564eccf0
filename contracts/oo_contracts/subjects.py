"""Streams, subjects and key-value buckets: their names appear nowhere else."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "BELIEFS",
    "BUCKETS",
    "DECISIONS",
    "DLQ",
    "EXPERIMENTS",
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
BELIEFS = "beliefs"  # a bucket: what the policies of each experiment believe, by its key
EXPERIMENTS = "experiments"  # a bucket: experiments by their key, beside those that are files
BUCKETS = (BELIEFS, EXPERIMENTS)
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
