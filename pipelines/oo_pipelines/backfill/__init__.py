"""Features of past decisions, as they were known then: what trains a feature that no served row has yet."""
