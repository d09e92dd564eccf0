"""This module names the streams, subjects and key-value buckets of NATS; their names appear nowhere else."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "BELIEFS_BUCKET",
    "BUCKETS",
    "DECISIONS_STREAM",
    "DLQ_STREAM",
    "EXPERIMENTS_BUCKET",
    "FEEDBACK_STREAM",
    "PREDICTIONS_STREAM",
    "SIGNALS_STREAM",
    "STREAMS",
    "Stream",
    "decision_subject",
    "dlq_subject",
    "feedback_subject",
    "prediction_subject",
    "signal_subject",
    "subject_token",
]


@dataclass(frozen=True, slots=True)
class Stream:
    """A JetStream stream that stores the subjects `<root>.>`."""

    name: str
    root: str

    @property
    def subjects(self) -> str:
        """The wildcard of every subject in the stream."""
        return f"{self.root}.>"


SIGNALS_STREAM = Stream("SIGNALS", "signals")
FEEDBACK_STREAM = Stream("FEEDBACK", "feedback")
DECISIONS_STREAM = Stream("DECISIONS", "decisions")
PREDICTIONS_STREAM = Stream("PREDICTIONS", "predictions")
DLQ_STREAM = Stream("DLQ", "dlq")
BELIEFS_BUCKET = "beliefs"  # the beliefs of each experiment's policies, by the experiment's key
EXPERIMENTS_BUCKET = "experiments"  # experiments by their key, in addition to those that are files
BUCKETS = (BELIEFS_BUCKET, EXPERIMENTS_BUCKET)
SUBJECT_ESCAPES = str.maketrans(":./-", "____")
STREAMS = (SIGNALS_STREAM, FEEDBACK_STREAM, DECISIONS_STREAM, PREDICTIONS_STREAM, DLQ_STREAM)


def subject_token(kind: str) -> str:
    """Return a kind as one token of a subject, where Todoist's colons, dots and dashes are not allowed.

    >>> subject_token("item:completed"), subject_token("task_completed")
    ('item_completed', 'task_completed')
    """
    return kind.lower().translate(SUBJECT_ESCAPES)


def signal_subject(kind: str) -> str:
    """Return the subject of a recommender's signal of this kind."""
    return f"{SIGNALS_STREAM.root}.{subject_token(kind)}"


def feedback_subject(reaction: str) -> str:
    """Return the subject of feedback with this reaction."""
    return f"{FEEDBACK_STREAM.root}.{reaction}"


def decision_subject(route: str) -> str:
    """Return the subject of the decisions of a route, `score` or `generate`."""
    return f"{DECISIONS_STREAM.root}.{route}"


def prediction_subject(model: str) -> str:
    """Return the subject of the predictions of a model."""
    return f"{PREDICTIONS_STREAM.root}.{model}"


def dlq_subject(durable: str) -> str:
    """Return the dead letter subject of a durable consumer."""
    return f"{DLQ_STREAM.root}.{durable}"
