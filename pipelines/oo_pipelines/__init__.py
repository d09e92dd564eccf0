"""Batch work: simulation, training data, training, evaluation, replay, backfill, drift and reports."""
