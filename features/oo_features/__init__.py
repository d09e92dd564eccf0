"""This package declares every feature once, the feature sets that models see, and their fingerprints."""
