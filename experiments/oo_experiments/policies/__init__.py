"""This package is the policies: each gives every candidate of an action set its propensity."""
