"""The KServe runtime for modelFormat mlflow, and the mlflow:// fetch."""
