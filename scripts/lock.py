"""Write locks/<member>.txt, locks/<program>.txt, locks/dev.txt and locks/uv.txt from one resolution.

`uv.lock` records download addresses, so it stays out of git; these exports have versions and hashes only, and plain
pip can install them: `pip install --no-deps --require-hashes -r locks/transformers.txt`.
"""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
UV = Path(sys.prefix) / "bin" / "uv"
EXPORT = ("export", "--quiet", "--frozen", "--no-emit-workspace", "--no-header", "--no-annotate")
PROGRAMS = ("litellm", "mlflow", "llm")  # deployed, and not ours: dependency groups of the root
# KServe asks for them and imports none of them when it serves; only its annotations want pandas (oo_serving.server).
UNUSED = ("grpcio-tools", "pillow")
PRUNED = {"transformers": (*UNUSED, "pandas"), "predictors": UNUSED}


def main(members: list[str]) -> None:
    """Resolve, then export each member's closure, each program's, the whole, and uv itself."""
    uv("lock", "--python-preference", "only-system")
    for member in members:
        package = tomllib.loads((ROOT / member / "pyproject.toml").read_text())["project"]["name"]
        prune = [word for name in PRUNED.get(member, ()) for word in ("--prune", name)]
        write(member, uv(*EXPORT, "--no-dev", "--package", package, *prune))
    for program in PROGRAMS:
        write(program, uv(*EXPORT, "--only-group", program))
    dev = uv(*EXPORT, "--only-group", "dev")
    write("dev", dev)
    write("extras", uv(*EXPORT, "--only-group", "extras"))
    write("uv", requirement("uv", dev))


def uv(*words: str) -> str:
    """What uv prints; its own progress and errors go to the terminal."""
    done = subprocess.run([UV, *words], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout


def requirement(name: str, lock: str) -> str:
    """One requirement with its hashes, out of a lock."""
    lines = lock.splitlines(keepends=True)
    start = next(place for place, line in enumerate(lines) if line.startswith(f"{name}=="))
    end = next(place for place in range(start + 1, len(lines)) if not lines[place].startswith(" "))
    return "".join(lines[start:end])


def write(name: str, text: str) -> None:
    """Put one lock into its file and say so."""
    path = ROOT / "locks" / f"{name}.txt"
    path.write_text(text)
    print(f"{path.relative_to(ROOT)}: {text.count('==')} packages")


if __name__ == "__main__":
    main(sys.argv[1:])
