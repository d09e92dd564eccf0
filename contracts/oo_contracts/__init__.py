"""This package defines what the services of oO/ml send each other: requests, replies, events, subjects and rounds."""
