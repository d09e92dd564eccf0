"""Experiments: files beside the code, and over them those of NATS, which change without a restart.

`oo-ml experiment list` · `oo-ml experiment put mine.toml` · `oo-ml experiment stop exploration-2026-11`
"""
