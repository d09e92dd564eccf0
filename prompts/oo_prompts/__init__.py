"""This package holds immutable prompt versions, the rule that selects one, and the checks of their tips."""
