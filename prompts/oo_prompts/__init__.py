"""Immutable prompt versions and the rule that selects one."""
