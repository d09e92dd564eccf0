"""This package is the KServe runtime for modelFormat mlflow, and fetches models by mlflow:// references."""
