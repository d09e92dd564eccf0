"""The commands that start or use the programs of an embedded stack: they need the extra `oo-ml[local]`."""
