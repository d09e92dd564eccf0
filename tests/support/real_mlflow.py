"""A real MLflow server over HTTP that a test may stop and start again."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.request

from waiting import eventually, free_port

__all__ = ["Mlflow"]


class Mlflow:
    """One server on SQLite and a folder; `stop` and `start` keep its port and data."""

    def __init__(self, folder):
        self.folder, self.port, self.process = folder, free_port(), None
        self.url = f"http://127.0.0.1:{self.port}"

    def start(self):
        store, files = f"sqlite:///{self.folder}/mlflow.db", f"{self.folder}/artifacts"
        where = ["--host", "127.0.0.1", "--port", str(self.port), "--workers", "1"]
        options = ["--backend-store-uri", store, "--artifacts-destination", files]
        # Without the first it waits for a download, for good; the second keeps it from calling home; without the third
        # it starts seven more processes, for jobs that nobody has.
        quiet = {
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        }
        with (self.folder / "mlflow.log").open("ab") as log:
            command = [sys.executable, "-P", "-m", "mlflow", "server", *where, *options]
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, env=os.environ | quiet, cwd=self.folder, start_new_session=True
            )
        assert eventually(self.answers, patience=300.0), (self.folder / "mlflow.log").read_text()

    def answers(self):
        try:
            with urllib.request.urlopen(f"{self.url}/health", timeout=2) as asked:  # noqa: S310  # our own address
                return bool(asked.read())
        except OSError:
            return False

    def stop(self):
        os.killpg(self.process.pid, 15)  # its workers are its own session
        self.process.wait(90)
