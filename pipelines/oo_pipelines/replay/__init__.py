"""Replay of what is logged: its sources, models and report; what is recomputed and compared is in `oo_decisions`."""
