"""Assignment, policies and decisions that always know their propensity."""
