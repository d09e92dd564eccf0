"""Drift: whether features look as they did before."""
