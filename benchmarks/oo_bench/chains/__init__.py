"""What is compared: floors, peers and ours, each started from here and called by the same client."""
