"""JetStream consumers and the effect store."""
