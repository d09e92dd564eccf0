"""This package is the online edge: /score, /generate and KServe's own routes."""
