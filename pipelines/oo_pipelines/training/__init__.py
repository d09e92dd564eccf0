"""Training: from closed rounds to a registered version of the ranker."""
