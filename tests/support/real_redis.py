"""A real redis-server on loopback: from PATH, from OO_REDIS_SERVER, or Debian's package unpacked into a cache.

Unpacking needs apt and its lists, no root: packages are downloaded and opened, nothing is installed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from waiting import eventually, free_port, listens

__all__ = ["NoRedis", "Redis"]

CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "oo-ml" / "redis"
# The program is in redis-tools, under a name of its own; libc, OpenSSL and libsystemd are on any Debian.
PACKAGES = ("redis-server", "redis-tools", "libjemalloc2", "liblzf1", "libatomic1")


class NoRedis(Exception):
    """None is to be had here; says why."""


class Redis:
    """One server without a file, on a port of its own, until `stop`."""

    def __init__(self, folder):
        self.folder, self.port, self.process = folder, free_port(), None
        self.address = f"127.0.0.1:{self.port}"

    def start(self):
        program, environment = _program()
        here = ["--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self.folder)]
        with (self.folder / "redis.log").open("ab") as log:
            command = [program, *here, "--save", "", "--appendonly", "no", "--daemonize", "no"]
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        assert eventually(lambda: listens(self.port)), (self.folder / "redis.log").read_text()

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


def _program():
    told = os.environ.get("OO_REDIS_SERVER") or shutil.which("redis-server")
    return (told, os.environ) if told else _debians()


def _debians():
    root = CACHE / "root"
    program, libraries = root / "usr/bin/redis-server", [str(path) for path in root.glob("usr/lib/*-linux-*")]
    if not program.exists():
        _unpack(root)
        libraries = [str(path) for path in root.glob("usr/lib/*-linux-*")]
    environment = os.environ | {"LD_LIBRARY_PATH": ":".join(libraries)}
    ran = subprocess.run([program, "--version"], env=environment, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise NoRedis(f"{program} does not run: {ran.stderr.strip()}")
    return program, environment


def _unpack(root):
    """All of it beside its place first, so that a broken download leaves nothing that looks whole."""
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise NoRedis("no redis-server on PATH, and no apt-get to fetch Debian's: OO_REDIS_SERVER")
    beside = CACHE / f"new-{os.getpid()}"
    (beside / "root").mkdir(parents=True)
    try:
        got = subprocess.run(
            ["apt-get", "download", *PACKAGES], cwd=beside, capture_output=True, text=True, check=False, timeout=120
        )
        if got.returncode:
            raise NoRedis(f"no redis-server on PATH, and apt-get cannot fetch it: {got.stderr.strip()[-200:]}")
        for package in sorted(beside.glob("*.deb")):
            subprocess.run(["dpkg-deb", "-x", package, beside / "root"], check=True, timeout=60)
        if not root.exists():  # another run may have been quicker
            (beside / "root").rename(root)
    finally:
        shutil.rmtree(beside)
