"""A TypeScript file as a syntax tree, with locations in it and refusals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tree_sitter import Language, Node, Parser
from tree_sitter_typescript import language_typescript

__all__ = ["NotConstant", "SourceFile", "SourceLocation", "children", "field", "read", "text", "walk"]


@dataclass(frozen=True, slots=True, order=True)
class SourceLocation:
    """The location of something; line 0 is the file as a whole."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


class NotConstant(Exception):
    """Something that cannot be evaluated for certain, where it stands and why. Nothing is guessed."""

    def __init__(self, place: SourceLocation, why: str) -> None:
        super().__init__(f"{place}: {why}")
        self.place = place
        self.why = why


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One parsed file."""

    path: Path
    root: Node

    def place(self, node: Node) -> SourceLocation:
        """Return the location of a node."""
        return SourceLocation(str(self.path), node.start_point.row + 1)

    def refuse(self, node: Node, why: str) -> NotConstant:
        """Return the refusal of a node, to be raised."""
        return NotConstant(self.place(node), why)


def read(path: Path) -> SourceFile:
    """Parse a file.

    Raises:
        NotConstant: it cannot be read, or it is not TypeScript.
    """
    try:
        code = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise NotConstant(SourceLocation(str(path), 0), f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise NotConstant(SourceLocation(str(path), 0), "is not UTF-8") from None
    code = code.replace("\r\n", "\n").replace("\r", "\n")  # so it reads in a template, whatever the file has
    source = SourceFile(path, Parser(Language(language_typescript())).parse(code.encode()).root_node)
    for node in walk(source.root):
        if node.is_error or node.is_missing or node.type == "html_comment":
            raise source.refuse(node, f"a syntax error near `{_excerpt(node)}`")
        if node.type.endswith("identifier") and b"\\" in (node.text or b""):
            raise source.refuse(node, f"`{text(node)}` has an escape in a name")
    return source


def walk(node: Node) -> Iterator[Node]:
    """Yield a node and everything below it, in the order of the text; without recursion, since trees may be deep."""
    waiting = [node]
    while waiting:
        current = waiting.pop()
        yield current
        waiting.extend(reversed(current.children))


def children(node: Node) -> list[Node]:
    """Return the parts of a node, without comments and punctuation."""
    return [child for child in node.named_children if child.type != "comment"]


def field(node: Node, name: str) -> Node:
    """Return a part that the grammar guarantees.

    Raises:
        LookupError: the node is of a kind that has no such part.
    """
    part = node.child_by_field_name(name)
    if part is None:
        raise LookupError(f"{node.type} without {name}")
    return part


def text(node: Node) -> str:
    """Return the node's text."""
    return (node.text or b"").decode()


def _excerpt(node: Node) -> str:
    return " ".join((text(node) or text(node.parent or node)).split())[:40]
