"""Simulation: users whose reactions are known, their events, and what learning from them costs."""
