"""The glossary covers every domain noun: a public class of ours that three modules or more import."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
MODULES = 3  # that import a class, for it to be a word of the project
NAMED = frozenset(re.findall(r"`([A-Za-z]+)", (ROOT / "docs" / "glossary.md").read_text()))
# What is no word of this project: the vocabulary of a TypeScript compiler, and the shapes that a figure is drawn of.
TECHNICAL = ("features/oo_features/registry_ts/", "pipelines/oo_pipelines/report/figures.py")
# Errors say themselves what is wrong; settings are in docs/configuration.md, one by one.
EXPLAINED_ELSEWHERE = {"Exception", "ValueError", "LookupError", "RuntimeError", "OSError", "Settings"}


@cache
def trees():
    members = (path.parent for path in ROOT.glob("*/pyproject.toml"))
    files = (file for folder in members for file in sorted((folder / f"oo_{folder.name}").rglob("*.py")))
    return {file.relative_to(ROOT).as_posix(): ast.parse(file.read_text()) for file in files}


@cache
def classes():
    """(file, bases) of each public class by its name."""
    return {
        node.name: (file, [ast.unparse(base).split(".")[-1] for base in node.bases])
        for file, tree in trees().items()
        for node in tree.body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    }


def is_explained_elsewhere(name):
    if name in EXPLAINED_ELSEWHERE:
        return True
    return name in classes() and any(is_explained_elsewhere(base) for base in classes()[name][1])


def importers():
    """The modules that import each class of ours, by its name."""
    found = defaultdict(set)
    for file, tree in trees().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("oo_"):
                for item in node.names:
                    found[item.name].add(file)
    return {name: files for name, files in found.items() if name in classes()}


def domain_nouns():
    return {
        name
        for name, files in importers().items()
        if len(files) >= MODULES and not classes()[name][0].startswith(TECHNICAL) and not is_explained_elsewhere(name)
    }


def test_the_glossary_covers_every_domain_noun():
    assert sorted(domain_nouns() - NAMED) == []


def test_what_is_counted_is_what_is_meant():
    nouns = domain_nouns()

    assert {"ScoreDecision", "Experiment", "FeatureContext", "Round"} <= nouns
    assert nouns.isdisjoint({"StoreError", "ConsumerSettings", "SourceLocation", "Forest"})
