"""The benchmark of serving: `make bench` runs it, `make bench-check` compares it with the ratios that are committed."""
