"""The environment of a process of the stack, in which nothing is left to chance that the caller's may hold."""

from __future__ import annotations

import os

__all__ = ["process_environment"]

PASSED_VARIABLES = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "TMPDIR",
    "TZ",
    "LD_LIBRARY_PATH",
    "SSL_CERT_FILE",
    "DEFAULT_PROMPT_VERSION",
)


def process_environment(service: str | None = None, **more: str) -> dict[str, str]:
    """Return a small environment: of the caller's only what is meant for the service, by its prefix."""
    passed = {
        name: value
        for name, value in os.environ.items()
        if name in PASSED_VARIABLES or (service and name.startswith(service))
    }
    return {
        **passed,
        "PYTHONSAFEPATH": "1",
        "PYTHONUNBUFFERED": "1",
        "OMP_NUM_THREADS": "1",
        "NO_PROXY": "*",
        **more,
    }
