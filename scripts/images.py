"""Build the container images of the project, each as `oo-ml/<member>:<version>`, from the one Dockerfile.

Takes docker (when its engine answers), podman or buildah, whichever is there first. The network's settings (PIP_*,
UV_*, proxies, certificates) are those of this machine, handed to the build as secrets, which stay in no image.
Exit codes: 0 built, 1 a build failed, 2 misused or something is missing.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parent.parent
MEMBERS = ("transformers", "predictors", "consumers", "pipelines", "litellm", "mlflow", "llm")
DEBIAN, SUITE = "oo-ml/debian-python", "bookworm"
# Compiled wheels want the C++ library, the small language model OpenMP's.
PACKAGES = "python3,python3-venv,libstdc++6,libgomp1,ca-certificates,tzdata"
UNREAD = ("doc", "man", "info", "locale")  # folders of /usr/share that nothing reads in a container
NETWORK = re.compile(
    r"(PIP_(INDEX_URL|EXTRA_INDEX_URL|TRUSTED_HOST|DEFAULT_TIMEOUT|RETRIES|PROXY)"
    r"|UV_(DEFAULT_INDEX|INDEX|INDEX_URL|EXTRA_INDEX_URL|INSECURE_HOST|HTTP_TIMEOUT|HTTP_RETRIES)"
    r"|(?i:https?_proxy|all_proxy|no_proxy))"
)
CERTIFICATES = ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE")  # variables that name a file of them
MEGABYTE = 1_000_000


class Missing(Exception):
    """Something this machine lacks; the message says what, and what to do."""


class Failed(Exception):
    """A program that was started failed; the message says which, and its last words."""


@dataclass(frozen=True)
class Engine:
    """The program that builds, and where its state and our logs are."""

    name: str
    state: Path

    @cached_property
    def command(self) -> list[str]:
        """buildah keeps its images in our own folder, not in the machine's."""
        if self.name != "buildah":
            return [self.name]
        store = self.state / "buildah"
        return ["buildah", "--root", f"{store}/root", "--runroot", f"{store}/run", "--storage-driver", "overlay"]

    @cached_property
    def environ(self) -> dict[str, str]:
        """buildah's package cache, shared by all builds, is in TMPDIR."""
        if self.name != "buildah":
            return os.environ | {"DOCKER_BUILDKIT": "1"}  # without it docker knows neither secrets nor caches
        folder = self.state / "buildah" / "tmp"
        folder.mkdir(parents=True, exist_ok=True)
        return os.environ | {"TMPDIR": str(folder)}

    def __call__(self, *words: str | Path) -> str:
        """What it prints."""
        done = subprocess.run([*self.command, *words], env=self.environ, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Failed(f"{self.name} {words[0]}: {done.stderr.strip()}")
        return done.stdout.strip()

    def build(self, tag: str, options: Sequence[str], log: Path) -> None:
        """Build from the root's Dockerfile; everything that is said goes into the log."""
        own = {
            "docker": ["build", "--network", "host", "--progress", "plain"],
            "podman": ["build", "--network", "host", "--layers"],
            # no daemon, no new namespaces: this works where containers do not, as root of a bare machine
            "buildah": ["build", "--network", "host", "--layers", "--isolation", "chroot"],
        }[self.name]
        log.parent.mkdir(parents=True, exist_ok=True)
        words = [*self.command, *own, *options, "--tag", tag, "--file", str(ROOT / "Dockerfile"), str(ROOT)]
        for _ in range(2):
            with log.open("w") as out:
                done = subprocess.run(words, env=self.environ, stdout=out, stderr=subprocess.STDOUT, check=False)
            # A busy machine may refuse buildah the sealing of its own copy; the same words succeed a moment later.
            if not done.returncode or "Device or resource busy" not in log.read_text():
                break
        if done.returncode:
            last = "\n".join(log.read_text().splitlines()[-15:])
            raise Failed(f"{last}\nbuilding {tag} failed; all of it is in {log}")

    def image(self, tag: str) -> str:
        """The image's id, or "" when there is none."""
        words = ["inspect", "--type", "image", "--format", "{{.FromImageID}}" if self.name == "buildah" else "{{.Id}}"]
        try:
            return self(*words, tag).removeprefix("sha256:")
        except Failed:
            return ""

    def archive(self, tag: str, file: Path) -> None:
        """Write a docker-archive, which every engine and containerd load; whole or not at all."""
        part = file.with_suffix(".part")
        part.unlink(missing_ok=True)
        if self.name == "docker":
            self("save", "--output", part, tag)
        else:
            self("push", self.image(tag), f"docker-archive:{part}:{tag}")
        part.replace(file)

    def load(self, tar: Path, tag: str) -> None:
        """Make an image of a whole file system."""
        if self.name != "buildah":
            self("import", "--change", "ENV LANG=C.UTF-8", tar, tag)
            return
        container = self("from", "scratch")
        self("add", "--quiet", container, tar, "/")
        self("config", "--env", "LANG=C.UTF-8", container)
        self("commit", "--quiet", "--rm", container, tag)


def engine(wanted: str | None, state: Path) -> Engine:
    """The first that is there and answers."""
    asked = {"docker": ["docker", "version"], "podman": ["podman", "info"], "buildah": ["buildah", "--version"]}
    for name in [wanted] if wanted else asked:
        if shutil.which(name) and not subprocess.run(asked[name], capture_output=True, check=False).returncode:
            return Engine(name, state)
    missing = f"{wanted} does not answer" if wanted else "no docker engine, podman or buildah answers"
    raise Missing(f"{missing}: start or install one (Debian: apt-get install buildah)")


def debian(build: Engine, *, anew: bool) -> str:
    """A base image made of Debian's packages, for machines that reach no registry of containers."""
    tag = f"{DEBIAN}:{SUITE}"
    if build.image(tag) and not anew:
        return tag
    if not shutil.which("mmdebstrap"):
        raise Missing("mmdebstrap is missing, which --debian-base needs: apt-get install mmdebstrap")
    leave = [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in UNREAD]
    with tempfile.TemporaryDirectory(dir=build.state) as folder:
        tar = Path(folder, "base.tar")
        words = ["mmdebstrap", "--quiet", "--variant=essential", f"--include={PACKAGES}", *leave, SUITE, tar]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Failed(f"mmdebstrap: {done.stderr.strip()}")
        build.load(tar, tag)
    return tag


def secrets(environ: Mapping[str, str], folder: Path) -> list[str]:
    """Options that hand this machine's way to the package index to the build, for its time only."""
    told = {name: value for name, value in environ.items() if NETWORK.fullmatch(name)}
    named = [environ.get(name) for name in CERTIFICATES]
    found = next((path for path in named if path and Path(path).is_file()), None)
    options = []
    if found:
        told |= dict.fromkeys(CERTIFICATES, "/run/secrets/certificates")
        options = ["--secret", f"id=certificates,src={found}"]
    file = folder / "network"
    file.touch(mode=0o600)  # an index's address may hold a password
    file.write_text("".join(f"{name}={shlex.quote(value)}\n" for name, value in told.items()))
    return [*options, "--secret", f"id=network,src={file}"]


def version(root: Path = ROOT) -> str:
    """What the chart calls the release; without a chart, the transformer's version."""
    chart, member = root / "charts" / "oo-ml" / "Chart.yaml", root / "transformers" / "pyproject.toml"
    file, key = (chart, "appVersion: *") if chart.exists() else (member, "version = ")
    found = re.search(rf"""^{key}["']?([^"'\s]+)""", file.read_text(), re.MULTILINE)
    if found is None:
        raise Missing(f"{file.relative_to(root)} names no version")
    return found[1]


def revision() -> str:
    """The commit, and whether something was changed since."""
    words = ["git", "-C", str(ROOT), "describe", "--always", "--exclude=*", "--abbrev=40", "--dirty"]
    try:
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"  # a source archive has no history


@dataclass(frozen=True)
class Sizes:
    """Of an archive as it is, and with each layer compressed as fast as can be, in bytes."""

    plain: int
    packed: int

    @classmethod
    def of(cls, archive: Path) -> Sizes:
        packer, packed = zlib.compressobj(1), 0
        with archive.open("rb") as file:
            while block := file.read(1 << 20):
                packed += len(packer.compress(block))
        return cls(archive.stat().st_size, packed + len(packer.flush()))


def archived(file: Path) -> str:
    """The id of the image that an archive holds, or "" when there is no such archive."""
    if not file.exists():
        return ""
    with tarfile.open(file) as tar:
        manifest = tar.extractfile("manifest.json")
        config = json.load(manifest)[0]["Config"] if manifest else ""
    return Path(config).name.removesuffix(".json")


def measured(build: Engine, tag: str, file: Path | None) -> Sizes:
    """The sizes of an image, of its archive if there is one. What did not change is not measured again."""
    memo = build.state / "sizes" / f"{build.image(tag)}.json"
    if memo.exists():
        return Sizes(**json.loads(memo.read_text()))
    if file:
        sizes = Sizes.of(file)
    else:
        with tempfile.TemporaryDirectory(dir=build.state) as passing:
            build.archive(tag, Path(passing, "image.tar"))
            sizes = Sizes.of(Path(passing, "image.tar"))
    memo.parent.mkdir(exist_ok=True)
    memo.write_text(json.dumps(vars(sizes)))
    return sizes


def rows(build: Engine, given: argparse.Namespace, base: str | None) -> Iterator[str]:
    """Build one after the other; a line for each as soon as it is done."""
    yield f"{'image':<28}{'build':>9}" + (f"{'archive':>10}{'gzip -1':>10}" if given.sizes else "")
    told, commit = version(), revision()
    with tempfile.TemporaryDirectory() as folder:
        options = secrets(os.environ, Path(folder))
        options += ["--build-arg", f"BASE_IMAGE={base}"] if base else []
        options += ["--pull"] if given.pull and not given.debian_base else []
        for member in given.members or MEMBERS:
            tag, start = f"oo-ml/{member}:{told}", time.monotonic()
            words = [f"MEMBER={member}", f"VERSION={told}", f"REVISION={commit}"]
            arguments = [part for word in words for part in ("--build-arg", word)]
            build.build(tag, [*options, *arguments], build.state / "logs" / f"{member}.log")
            line, file = (
                f"{tag:<28}{time.monotonic() - start:>7.1f} s",
                given.archive and given.archive / f"{member}.tar",
            )
            if file and archived(file) != build.image(tag):
                build.archive(tag, file)
            if given.sizes:
                sizes = measured(build, tag, file)
                line += f"{_megabytes(sizes.plain):>10}{_megabytes(sizes.packed):>10}"
            yield line


def _megabytes(size: int) -> str:
    return f"{size / MEGABYTE:.0f} MB"


def arguments(argv: Sequence[str]) -> argparse.Namespace:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    state = Path(os.environ.get("OO_CLUSTER_DIR") or cache / "oo-ml-cluster")
    parser = argparse.ArgumentParser(
        prog="make images",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog='examples: make images ARGS="transformers"; make images ARGS="--debian-base --archive /tmp/images"',
    )
    parser.add_argument("members", nargs="*", metavar="MEMBER", help=f"all of them, or some: {', '.join(MEMBERS)}")
    base = parser.add_mutually_exclusive_group()
    base.add_argument("--base", metavar="IMAGE", help="what all images start from (default: the Dockerfile's)")
    base.add_argument("--debian-base", action="store_true", help="make the base of Debian's packages by mmdebstrap")
    parser.add_argument("--pull", action="store_true", help="fetch or make the base anew, for its security updates")
    parser.add_argument("--archive", type=Path, metavar="FOLDER", help="write FOLDER/<member>.tar (docker-archive)")
    parser.add_argument("--sizes", action="store_true", help="tell how large each is, as it is and compressed (slow)")
    parser.add_argument("--engine", choices=("docker", "podman", "buildah"), help="default: the first that answers")
    parser.add_argument(
        "--state", type=Path, default=state, help="caches and logs (default OO_CLUSTER_DIR: %(default)s)"
    )
    given = parser.parse_args(argv)
    if unknown := set(given.members) - set(MEMBERS):
        parser.error(f"no such member: {', '.join(sorted(unknown))}; there are {', '.join(MEMBERS)}")
    return given


def main() -> None:
    """Build what was asked for."""
    given = arguments(sys.argv[1:])
    try:
        for folder in filter(None, (given.state, given.archive)):
            folder.mkdir(parents=True, exist_ok=True)
        build = engine(given.engine, given.state.absolute())
        base = debian(build, anew=given.pull) if given.debian_base else given.base
        for row in rows(build, given, base):
            print(row, flush=True)
    except Missing as error:
        print(f"images: {error}", file=sys.stderr)
        sys.exit(2)
    except Failed as error:
        hint = "" if given.base or given.debian_base else "\n(no registry in reach? try --debian-base)"
        print(f"images: {error}{hint}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
