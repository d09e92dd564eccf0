"""The MLflow registry integration, model cards, and the gate that moves an alias."""
