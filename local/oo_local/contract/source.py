"""A TypeScript file as a syntax tree, and the two things everything here speaks of: a place, and a refusal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tree_sitter import Language, Node, Parser
from tree_sitter_typescript import language_typescript

__all__ = ["Place", "Refused", "Source", "children", "field", "read", "text", "walk"]


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where something stands; line 0 is the file as a whole."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


class Refused(Exception):
    """What cannot be evaluated for certain, by name, and where it stands. Nothing is guessed."""

    def __init__(self, place: Place, why: str) -> None:
        super().__init__(f"{place}: {why}")
        self.place = place
        self.why = why


@dataclass(frozen=True, slots=True)
class Source:
    """One parsed file."""

    path: Path
    root: Node

    def place(self, node: Node) -> Place:
        return Place(str(self.path), node.start_point.row + 1)

    def refuse(self, node: Node, why: str) -> Refused:
        return Refused(self.place(node), why)


def read(path: Path) -> Source:
    """Parse a file.

    Raises:
        Refused: it cannot be read, or it is not TypeScript.
    """
    try:
        code = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise Refused(Place(str(path), 0), f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise Refused(Place(str(path), 0), "is not UTF-8") from None
    code = code.replace("\r\n", "\n").replace("\r", "\n")  # so it reads in a template, whatever the file has
    source = Source(path, Parser(Language(language_typescript())).parse(code.encode()).root_node)
    for node in walk(source.root):
        if node.is_error or node.is_missing or node.type == "html_comment":
            raise source.refuse(node, f"a syntax error near `{_excerpt(node)}`")
        if node.type.endswith("identifier") and b"\\" in (node.text or b""):
            raise source.refuse(node, f"`{text(node)}` has an escape in a name")
    return source


def walk(node: Node) -> Iterator[Node]:
    """A node and everything below it, in the order of the text; no recursion, since trees may be deep."""
    waiting = [node]
    while waiting:
        found = waiting.pop()
        yield found
        waiting.extend(reversed(found.children))


def children(node: Node) -> list[Node]:
    """What a node is made of, without comments and punctuation."""
    return [child for child in node.named_children if child.type != "comment"]


def field(node: Node, name: str) -> Node:
    """A part that the grammar guarantees."""
    found = node.child_by_field_name(name)
    if found is None:
        raise LookupError(f"{node.type} without {name}")
    return found


def text(node: Node) -> str:
    return (node.text or b"").decode()


def _excerpt(node: Node) -> str:
    return " ".join((text(node) or text(node.parent or node)).split())[:40]
