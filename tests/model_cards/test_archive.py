"""An archive that would unpack to more than a model may is refused before it is unpacked."""

from __future__ import annotations

import struct
import tracemalloc
import zipfile
import zlib

import pytest
import skops.io
from example_models import fitted
from oo_model_cards import archive
from oo_model_cards.errors import TooLarge, UntrustedContent

MIB = 1 << 20


@pytest.fixture
def written(tmp_path):
    """A zip of members, by name and content or size in zeros."""

    def write(name="model.skops", comment=b"", **members):
        with zipfile.ZipFile(tmp_path / name, "w", zipfile.ZIP_DEFLATED) as packed:
            packed.comment = comment
            for member, given in members.items():
                with packed.open(member.replace("_", "."), "w") as out:
                    for _ in range(given // MIB if isinstance(given, int) else 0):
                        out.write(bytes(MIB))
                    out.write(b"" if isinstance(given, int) else given)
        return tmp_path / name

    return write


def peak(call):
    """MiB that a call held at most."""
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1] / MIB
    finally:
        tracemalloc.stop()


def refused(path, kind, told):
    def call():
        with pytest.raises(kind, match=told):
            archive.check(path)

    return call


def test_a_real_estimator_is_accepted(tmp_path):
    (tmp_path / "model.skops").write_bytes(skops.io.dumps(fitted()))

    archive.check(tmp_path / "model.skops")


@pytest.mark.parametrize(
    ("members", "told"),
    [
        ({"a_npy": 140 * MIB}, r"would unpack to 146,800,640 bytes"),
        ({"a_npy": 70 * MIB, "b_npy": 70 * MIB}, "would unpack to"),
        ({"schema_json": 20 * MIB}, r"schema\.json in model\.skops has 20,971,520 bytes"),
    ],
)
def test_a_bomb_is_refused_by_what_it_declares(written, members, told):
    path = written(**members)

    assert path.stat().st_size < MIB
    assert peak(refused(path, TooLarge, told)) < 4


def test_a_bomb_that_lies_about_its_size_is_refused_in_small_pieces(written):
    path = written(schema_json=b"{}", a_npy=64 * MIB)
    said = struct.pack("<L", 64 * MIB)
    small, true_crc = struct.pack("<L", 1_000), struct.pack("<L", zlib.crc32(bytes(64 * MIB)))
    path.write_bytes(
        path.read_bytes().replace(said, small).replace(true_crc, struct.pack("<L", zlib.crc32(bytes(1_000))))
    )

    assert sum(info.file_size for info in zipfile.ZipFile(path).infolist()) < MIB
    assert peak(refused(path, UntrustedContent, r"a\.npy in model\.skops is not as large as declared")) < 4


def test_very_many_members_are_refused_unlisted(tmp_path):
    with zipfile.ZipFile(tmp_path / "model.skops", "w") as packed:
        for place in range(20_000):
            packed.writestr(f"{place:0200d}", b"")

    assert peak(refused(tmp_path / "model.skops", TooLarge, "lists its members in")) < 4


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK",
        b"no zip at all",
        bytes(22),
        b"PK\x05\x06" + bytes(14),
        b"PK\x06\x07" + bytes(16) + b"PK\x05\x06" + bytes(18),
    ],
)
def test_what_is_no_zip_is_refused(tmp_path, content):
    (tmp_path / "model.skops").write_bytes(content)

    with pytest.raises(UntrustedContent, match=r"no (plain|sound) zip"):
        archive.check(tmp_path / "model.skops")


def test_a_comment_could_hide_another_end_and_is_refused(written):
    with pytest.raises(UntrustedContent, match="no plain zip"):
        archive.check(written(comment=b"hello", a_npy=b"x"))


def test_a_spoilt_member_is_refused(written):
    path = written(a_npy=bytes(range(256)) * 40)
    content = bytearray(path.read_bytes())
    content[60] ^= 0xFF
    path.write_bytes(content)

    with pytest.raises(UntrustedContent, match="no sound zip"):
        archive.check(path)


def test_an_encrypted_member_is_refused(written):
    path = written(a_npy=b"x")
    given = path.read_bytes()
    place = given.index(b"PK\x01\x02")
    path.write_bytes(given[: place + 8] + b"\x01" + given[place + 9 :])

    with pytest.raises(UntrustedContent, match="no sound zip"):
        archive.check(path)
