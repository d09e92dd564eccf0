"""The Spark session of backfills, from the extra `oo-pipelines[spark]`; only this module knows PySpark."""

from __future__ import annotations

import os
import sys
from typing import Any

from oo_pipelines.backfill.backfill_options import BadBackfillInput

__all__ = ["session"]

SETTINGS = {
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",  # the default, INT96, is Spark's own
    "spark.ui.showConsoleProgress": "false",
}
LOCAL = {
    "spark.ui.enabled": "false",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.sql.shuffle.partitions": "4",  # enough for two cores; the default of 200 is a cluster's
    "spark.log.level": "ERROR",
}


def session(master: str | None = None) -> Any:
    """Return a session on `master`, as `local[2]`; None for what `spark-submit` or the environment says.

    Raises:
        BadBackfillInput: the extra is not installed, or Java did not start.
    """
    try:
        from pyspark.errors import PySparkException  # noqa: PLC0415  # the extra
        from pyspark.sql import SparkSession  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise BadBackfillInput(
            f"--engine spark: {error.name} is not installed: pip install 'oo-pipelines[spark]'"
        ) from None
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.appName("oo-pipelines backfill")
    local = master is not None and master.startswith("local")
    for name, value in (SETTINGS | (LOCAL if local else {})).items():
        builder = builder.config(name, value)
    try:
        return (builder.master(master) if master is not None else builder).getOrCreate()
    except PySparkException as error:
        raise BadBackfillInput(
            f"--engine spark: {error}; it needs Java 17 or 21: JAVA_HOME, or java on PATH"
        ) from error
