"""Feature sets: what models see, and what differs between two."""
