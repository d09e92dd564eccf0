"""Backfills: features of past decisions as they were known then, for training a feature that no served row has yet."""
