"""The offline log: every event once, in Delta Lake tables that DuckDB, Spark and pandas read as they stand."""
