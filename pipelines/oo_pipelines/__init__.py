"""Simulation, training data, training, evaluation."""
