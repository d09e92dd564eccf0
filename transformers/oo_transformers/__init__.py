"""The online edge: /score, /generate and KServe's own routes."""
