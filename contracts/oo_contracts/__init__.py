"""What the services of oO/ml say to each other: requests, replies, events, subjects, rounds."""
