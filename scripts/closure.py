"""What of our own code an image holds: a member's closure of `oo_*` packages, read from the `pyproject.toml` files.

`python3 scripts/closure.py transformers` lists the paths; `--into FOLDER` copies them there, so that FOLDER can be put
on Python's path. Needs nothing but Python 3.11.
"""

from __future__ import annotations

import argparse
import re
import shutil
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
PROGRAMS = {  # deployed, and not ours; the small language model is served by one module that needs no other
    "litellm": (),
    "mlflow": (),
    "llm": (Path("local/oo_local/__init__.py"), Path("local/oo_local/llm.py")),
}


def closure(name: str, root: Path = ROOT) -> tuple[Path, ...]:
    """Paths relative to the root, sorted: the packages of a member and of all that it depends on.

    >>> [str(path) for path in closure("features")]
    ['contracts/oo_contracts', 'features/oo_features']
    """
    if name in PROGRAMS:
        return PROGRAMS[name]
    found: set[str] = set()
    waiting = [name]
    while waiting:
        member = waiting.pop()
        if member not in found:
            found.add(member)
            waiting += _needs(root / member / "pyproject.toml")
    return tuple(Path(member, f"oo_{member}") for member in sorted(found))


def _needs(pyproject: Path) -> list[str]:
    """The members that one member names: `oo-model-cards` is the folder `model_cards`."""
    wanted = tomllib.loads(pyproject.read_text())["project"]["dependencies"]
    names = (re.match(r"oo-([a-z-]+)", item) for item in wanted)
    return [name[1].replace("-", "_") for name in names if name]


def copy(paths: tuple[Path, ...], root: Path, folder: Path) -> None:
    """Put packages, or single modules of one, side by side into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in paths:
        target = folder.joinpath(*path.parts[1:])  # without the member's folder
        if (root / path).is_dir():
            shutil.copytree(root / path, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            target.parent.mkdir(exist_ok=True)
            shutil.copy2(root / path, target)


def main() -> None:
    """List, or copy."""
    parser = argparse.ArgumentParser(prog="closure.py", description=__doc__.splitlines()[0] if __doc__ else "")
    known = sorted({path.parent.name for path in ROOT.glob("*/pyproject.toml")} | set(PROGRAMS))
    parser.add_argument("member", choices=known, metavar="MEMBER", help=", ".join(known))
    parser.add_argument("--into", type=Path, metavar="FOLDER", help="copy them there instead of listing them")
    given = parser.parse_args()
    paths = closure(given.member)
    if given.into:
        copy(paths, ROOT, given.into)
    else:
        print(*paths, sep="\n")


if __name__ == "__main__":
    main()
