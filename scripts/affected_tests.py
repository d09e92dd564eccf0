"""Print the test files that what was changed may break: those that changed, and those that import a changed module.

Changed is what differs from the branch's upstream (`origin/main` where there is none) and what is not committed. Tests
of the whole stack and of a cluster are not among them.
"""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).parent.parent
TOO_LONG = ("tests/stack", "tests/cluster")


def changed_files() -> set[str]:
    """Paths relative to the root, deleted ones too."""
    base = next(
        (name for name in ("@{upstream}", "origin/main", "HEAD") if git("rev-parse", "--verify", "-q", name)), ""
    )
    since_base = git("diff", "--name-only", "--merge-base", base) if base else ""
    return {*since_base.splitlines(), *git("ls-files", "--others", "--exclude-standard").splitlines()}


def git(*words: str) -> str:
    """The output of a git command; nothing when it fails."""
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout


def affected_tests(changed: Iterable[str], tests: Iterable[Path]) -> list[str]:
    """Test files among `tests` (absolute paths) that are changed, or import one of the changed modules."""
    paths = set(changed)
    modules = {module_name(path) for path in paths if path.endswith(".py")}
    names = {test: str(test.relative_to(ROOT)) for test in tests}
    return sorted(
        name
        for test, name in names.items()
        if not name.startswith(TOO_LONG) and (name in paths or imported_modules(test.read_text()) & modules)
    )


def module_name(path: str) -> str:
    """The name by which a file is imported: those of members without their folder, those of tests/support alone.

    >>> module_name("features/oo_features/hour.py"), module_name("tests/support/waiting.py")
    ('oo_features.hour', 'waiting')
    """
    parts = Path(path).with_suffix("").parts
    start = next((index for index, part in enumerate(parts) if part.startswith("oo_")), len(parts) - 1)
    return ".".join(part for part in parts[start:] if part != "__init__")


def imported_modules(source: str) -> set[str]:
    """Modules that a source imports, and for `from a import b` both `a` and `a.b`."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


if __name__ == "__main__":
    print("\n".join(affected_tests(changed_files(), (ROOT / "tests").rglob("test_*.py"))))
