"""Write a one-layer image archive that `ctr image import` reads, without a builder or a base.

The layer is what is named: files (with --ldd the libraries they need), or a whole file system (--rootfs).
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import re
import subprocess
import tarfile
from pathlib import Path, PurePosixPath

PASSWD = b"root:x:0:0:root:/:/\nnonroot:x:65532:65532:nonroot:/:/\n"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ref", required=True, help="the image's name and tag")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rootfs", type=Path, help="a tar that is the layer")
    parser.add_argument("--add", action="append", default=[], metavar="FILE:PLACE")
    parser.add_argument("--ldd", action="append", default=[], metavar="FILE", help="add the libraries that FILE needs")
    parser.add_argument("--dir", action="append", default=[], metavar="PLACE[:MODE]")
    parser.add_argument("--entrypoint", nargs="+", default=[])
    parser.add_argument("--user", default="65532:65532")
    return parser.parse_args()


def main() -> None:
    args = arguments()
    blob = args.rootfs.read_bytes() if args.rootfs else layer(args)
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {
            "Entrypoint": args.entrypoint,
            "User": args.user,
            "WorkingDir": "/",
            "Env": ["PATH=/usr/local/bin:/usr/bin:/bin"],
        },
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(blob).hexdigest()}"]},
    }
    text = json.dumps(config).encode()
    name = f"{hashlib.sha256(text).hexdigest()}.json"
    manifest = json.dumps([{"Config": name, "RepoTags": [args.ref], "Layers": ["layer.tar"]}]).encode()
    with tarfile.open(args.out, "w") as archive:
        for member, data in (("manifest.json", manifest), (name, text), ("layer.tar", blob)):
            put(archive, member, data)


def layer(given: argparse.Namespace) -> bytes:
    """A tar of the files, their folders, /etc/passwd and a /tmp for everybody."""
    buffer = io.BytesIO()
    files = [(Path(source), place.lstrip("/")) for source, place in (item.split(":", 1) for item in given.add)]
    files += [(Path(found), found.lstrip("/")) for program in given.ldd for found in libraries(program)]
    folders = {"tmp": 0o1777, "etc": 0o755} | {
        place: int(mode or "755", 8) for place, _, mode in (item.partition(":") for item in given.dir)
    }
    for _, place in files:
        folders |= {str(parent): 0o755 for parent in PurePosixPath(place).parents if str(parent) != "."}
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for place, mode in sorted(folders.items()):
            info = tarfile.TarInfo(place)
            info.type, info.mode = tarfile.DIRTYPE, mode
            tar.addfile(info)
        for place, source in {place: source for source, place in files}.items():
            put(tar, place, source.resolve().read_bytes(), 0o755)
        put(tar, "etc/passwd", PASSWD)
    return buffer.getvalue()


def libraries(program: str) -> list[str]:
    """What ldd names, the loader included."""
    said = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    return re.findall(r"(/\S+) \(0x", said)


def put(tar: tarfile.TarFile, place: str, data: bytes, mode: int = 0o644) -> None:
    info = tarfile.TarInfo(place)
    info.size, info.mode = len(data), mode
    tar.addfile(info, io.BytesIO(data))


if __name__ == "__main__":
    main()
