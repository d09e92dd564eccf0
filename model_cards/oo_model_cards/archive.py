"""The check of a skops file, which is a zip: what it would unpack to, before anything is unpacked into memory."""

from __future__ import annotations

import copy
import struct
import zipfile
import zlib
from pathlib import Path
from zipfile import ZipFile, ZipInfo

from oo_model_cards.errors import TooLarge, UntrustedContent

__all__ = ["MAX_DIRECTORY_BYTES", "MAX_SCHEMA_BYTES", "MAX_UNPACKED_BYTES", "check"]

MAX_DIRECTORY_BYTES = 4 << 20  # size of the zip's table of contents, which is read whole: some 40,000 members
MAX_SCHEMA_BYTES = 16 << 20  # size of schema.json, whose parsed form takes ten times as much
MAX_UNPACKED_BYTES = 128 << 20
CHUNK_BYTES = 1 << 16
UNREADABLE = (  # what zipfile and zlib raise for a broken or unusual archive
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    OSError,
    ValueError,
)

END = struct.Struct("<4s4H2LH")  # the end of a zip without a comment: its last bytes
ZIP64_LOCATOR = struct.Struct("<4sLQL")  # would stand before it, and overrule its numbers


def check(path: Path) -> None:
    """Refuse what is no plain zip, or would unpack to more than a model may, holding at most CHUNK_BYTES at a time.

    Raises:
        TooLarge: its declared sizes are more than a model may have.
        UntrustedContent: it is no plain zip, or its declared sizes are not true.
    """
    try:
        _check_directory(path)
        with ZipFile(path) as archive:
            _check_declared(path.name, archive.infolist())
            for info in archive.infolist():
                _check_true(archive, info)
    except UNREADABLE as error:
        raise UntrustedContent(f"{path.name} is no sound zip: {type(error).__name__}") from None


def _check_directory(path: Path) -> None:
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - END.size - ZIP64_LOCATOR.size))
        tail = file.read()
    signature, *_, directory_bytes, _, comment = END.unpack(tail[-END.size :])
    if signature != b"PK\x05\x06" or comment or tail[: -END.size].startswith(b"PK\x06\x07"):
        raise UntrustedContent(f"{path.name} is no plain zip")
    if directory_bytes > MAX_DIRECTORY_BYTES:
        raise TooLarge(
            f"{path.name} lists its members in {directory_bytes:,} bytes, not {MAX_DIRECTORY_BYTES:,} at most"
        )


def _check_declared(name: str, members: list[ZipInfo]) -> None:
    total = sum(info.file_size for info in members)
    if total > MAX_UNPACKED_BYTES:
        raise TooLarge(f"{name} would unpack to {total:,} bytes; {MAX_UNPACKED_BYTES:,} are allowed")
    schema = max((info.file_size for info in members if info.filename == "schema.json"), default=0)
    if schema > MAX_SCHEMA_BYTES:
        raise TooLarge(f"the schema.json in {name} has {schema:,} bytes; {MAX_SCHEMA_BYTES:,} are allowed")


def _check_true(archive: ZipFile, info: ZipInfo) -> None:
    """Unpack a member in small pieces: a reader that trusts the declared size would unpack all of it at once."""
    oversized = copy.copy(info)
    oversized.file_size += 2 * CHUNK_BYTES  # so that more than is declared would come
    n_unpacked = 0
    with archive.open(oversized) as member:
        while n_unpacked <= info.file_size and (piece := member.read(CHUNK_BYTES)):
            n_unpacked += len(piece)
    if n_unpacked != info.file_size:
        raise UntrustedContent(f"{info.filename} in {Path(str(archive.filename)).name} is not as large as declared")
