"""This package is the statistics of means over users: intervals, tests and the plan of an experiment."""
