"""What may lie in a model folder: these names, no larger, and nothing that leads elsewhere. No content is read here."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from oo_model_cards.errors import TooLarge, UntrustedContent

__all__ = ["MANIFEST", "MAX_BYTES", "MLMODEL", "NOT_OURS", "ONNX", "PIN", "SAMPLE", "SKOPS", "listing"]

MANIFEST = "oo.json"
MLMODEL = "MLmodel"
SKOPS = "model.skops"
ONNX = "model.onnx"
SAMPLE = "sample.json"
PIN = "oo-pin.json"
NOT_OURS = frozenset({MANIFEST, PIN, "registered_model_meta"})  # beside the model, not part of it

KIB, MIB = 1 << 10, 1 << 20
MAX_BYTES: Final[Mapping[str, int]] = {
    MANIFEST: 256 * KIB,
    PIN: 64 * KIB,
    "registered_model_meta": 64 * KIB,
    MLMODEL: 256 * KIB,
    SKOPS: 64 * MIB,
    ONNX: 64 * MIB,
    SAMPLE: 4 * MIB,
    "conda.yaml": 256 * KIB,  # this and the next two are written by `mlflow.sklearn.save_model`; nothing reads them
    "python_env.yaml": 256 * KIB,
    "requirements.txt": 256 * KIB,
}


def listing(folder: Path) -> tuple[str, ...]:
    """Return every file below a folder, by relative path with forward slashes, in order; the folder may be a link.

    Raises:
        UntrustedContent: something in it is a link, a file of two names, or neither file nor folder.
        TooLarge: a file has more bytes than its name may have.
    """
    names = []
    for path in sorted(_below(folder)):
        name, facts = path.relative_to(folder).as_posix(), path.lstat()
        if stat.S_ISLNK(facts.st_mode):
            raise UntrustedContent(f"{name} is a link")
        if stat.S_ISDIR(facts.st_mode):
            continue
        _refuse_special(name, facts)
        names.append(name)
    return tuple(names)


def _refuse_special(name: str, facts: os.stat_result) -> None:
    if not stat.S_ISREG(facts.st_mode):
        raise UntrustedContent(f"{name} is no regular file")
    if facts.st_nlink > 1:
        raise UntrustedContent(f"{name} is a hard link: the same file has another name, by which it can be changed")
    if facts.st_size > MAX_BYTES.get(name, facts.st_size):
        raise TooLarge(f"{name} has {facts.st_size:,} bytes; {MAX_BYTES[name]:,} are allowed")


def _below(folder: Path) -> Iterator[Path]:
    for where, folders, names in os.walk(folder):  # it enters no linked folder, but names it
        yield from (Path(where, name) for name in (*folders, *names))
