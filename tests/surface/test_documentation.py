"""What the documents say of the code is so: the files, functions, targets and commands that they name exist."""

from __future__ import annotations

import ast
import re
import subprocess
from functools import cache
from pathlib import Path

import pytest
import typer.main
from oo_cli.app import app

ROOT = Path(__file__).parents[2]
DECISIONS = sorted((ROOT / "docs" / "adr").glob("*.md"))
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
PRESENT = [path for path in DOCUMENTS if path.name != "CHANGELOG.md"]  # a changelog names what was, too
CONTRIBUTING = ROOT / "CONTRIBUTING.md"
GLOSSARY = ROOT / "docs" / "glossary.md"
LINE_LENGTH = 120  # characters
MADE_BY_A_STACK = ".oo-ml/"  # a fresh clone has none of it
README_LINES = 120
GLOSSARY_WORDS = 40  # at least
REFERENCE = re.compile(r"`([\w.]+)`\s+in\s+`([\w./\-]+\.\w+)`")  # `Policy` in `experiments/…/policy.py`
ENTRY = re.compile(r"^- \*\*(.+?)\*\* \((.+)\):\n((?:  .+\n)+)", re.MULTILINE)
FILE = re.compile(r"[\w.\-]+(?:/[\w.\-]+)+/?")
TARGETS = re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE)


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def prose(path: Path) -> str:
    """A document without its blocks of code."""
    return re.sub(r"^```.*?^```$", "", path.read_text(), flags=re.MULTILINE | re.DOTALL)


def spans(path: Path) -> set[str]:
    return set(re.findall(r"`([^`\n]+)`", prose(path)))


def files(path: Path) -> set[str]:
    """What a document's prose names as files of ours: from the root, with the folder that they are in."""
    folders = {entry.name for entry in ROOT.iterdir() if entry.is_dir()}
    return {span for span in spans(path) if FILE.fullmatch(span) and span.split("/")[0] in folders}


def links(path: Path) -> set[str]:
    return {link.split("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", prose(path)) if "://" not in link} - {""}


def references(path: Path) -> list[tuple[str, str]]:
    return REFERENCE.findall(prose(path))


@cache
def definitions(file: str) -> frozenset[str]:
    """The names that a file defines, members with their class."""
    return frozenset(defined(ast.parse((ROOT / file).read_text()).body, ""))


def has(file: str, name: str) -> bool:
    """Whether a file defines a name; one that is not Python has to hold its last word."""
    if file.endswith(".py"):
        return name in definitions(file)
    return re.search(rf"\b{name.rsplit('.', maxsplit=1)[-1]}\b", (ROOT / file).read_text()) is not None


def is_sentence(text: str) -> bool:
    return text[0].isupper() and text.endswith(".") and not re.search(r"[.!?]\s+[A-Z]", text)


def defined(body, inside):
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield inside + node.name
        if isinstance(node, ast.ClassDef):
            yield from defined(node.body, f"{inside}{node.name}.")
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        yield from (inside + target.id for target in targets if isinstance(target, ast.Name))


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.stem)
def test_the_lines_of_a_decision_record_can_be_read_side_by_side(path):
    assert [line for line in path.read_text().splitlines() if len(line) > LINE_LENGTH] == []


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text().splitlines()) <= README_LINES


@pytest.mark.parametrize("path", PRESENT, ids=name_of)
def test_the_files_that_a_document_names_exist(path):
    stored = {named for named in files(path) if not named.startswith(MADE_BY_A_STACK)}

    assert {named for named in stored if not (ROOT / named).exists()} == set()
    assert {link for link in links(path) if not (path.parent / link).exists()} == set()


@pytest.mark.parametrize("path", PRESENT, ids=name_of)
def test_the_targets_that_a_document_names_exist(path):
    named = set(re.findall(r"(?:`|^)make ([a-z][a-z-]*)", path.read_text(), re.MULTILINE))

    assert named - set(TARGETS) == set()


def is_command(group: object, *words: str) -> bool:
    known = getattr(group, "commands", None)
    return not words or known is None or (words[0] in known and is_command(known[words[0]], *words[1:]))


@pytest.mark.parametrize("path", PRESENT, ids=name_of)
def test_the_commands_that_a_document_names_exist(path):
    named = re.findall(r"(?:`|\.venv/bin/)oo-ml ([a-z][a-z-]*)(?: ([a-z][a-z-]*))?", path.read_text())
    group = typer.main.get_command(app)

    assert [words for words in named if not is_command(group, *filter(None, words))] == []


@pytest.mark.parametrize("path", PRESENT, ids=name_of)
def test_a_file_defines_what_a_document_finds_in_it(path):
    assert [(name, file) for name, file in references(path) if not has(file, name)] == []


def test_a_glossary_entry_is_one_sentence_with_its_name_in_the_code():
    text = GLOSSARY.read_text()
    entries = ENTRY.findall(text)
    sentences = {word: " ".join(lines.split()) for word, _, lines in entries}

    assert len(entries) == text.count("\n- ") == len(sentences) >= GLOSSARY_WORDS
    assert [word for word, place, _ in entries if not REFERENCE.fullmatch(place)] == []
    assert [word for word, said in sentences.items() if not is_sentence(said)] == []


@pytest.mark.parametrize("diff", re.findall(r"^```diff\n(.*?)^```", CONTRIBUTING.read_text(), re.MULTILINE | re.DOTALL))
def test_an_example_of_a_change_applies_to_the_code(diff):
    done = subprocess.run(
        ["git", "apply", "--check", "-"], cwd=ROOT, input=diff, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr


def test_there_is_something_to_compare():
    assert sum(len(files(path) | links(path)) for path in PRESENT) > 100
    assert len(references(ROOT / "docs" / "architecture.md")) > 40
    assert len(TARGETS) > 10
