"""This package assigns users to experiments, and holds policies whose decisions always have a known propensity."""
