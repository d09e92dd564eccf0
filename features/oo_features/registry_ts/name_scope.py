"""What the names in a file, or in a function of it, mean to the registry."""

from __future__ import annotations

from dataclasses import dataclass

from tree_sitter import Node

from oo_features.registry_ts.forms import FUNCTION_VALUES, PLAIN, READERS
from oo_features.registry_ts.mentions import mentions, root, written
from oo_features.registry_ts.module import Module, NonConstant
from oo_features.registry_ts.reach import Reach, as_function
from oo_features.registry_ts.source_file import NotConstant, text

__all__ = ["NameScope"]


@dataclass(frozen=True, slots=True)
class NameScope:
    """The names that get at the registry here, those that are declared here, and what may be filled."""

    reach: Reach
    module: Module
    names: frozenset[str]
    dangerous: frozenset[str]  # properties that do something when they are read or called
    fresh: frozenset[str] = frozenset()  # constants that began empty: what is put into them changes nothing else
    local: frozenset[str] = frozenset()

    def refusal(self, node: Node) -> NotConstant:
        """Return the refusal of a node that may change the registry."""
        return self.module.source.refuse(node, f"`{' '.join(text(node).split())[:60]}` may change the registry")

    def mentions(self, node: Node) -> bool:
        """Return whether a node mentions a name that gets at the registry, or loads a file that does."""
        return mentions(node, set(self.names)) or self.reach.loads(self.module, node)

    def is_known(self, node: Node) -> bool:
        """Return whether what is put into something stays under a name that counts as the registry's."""
        name = root(node)
        return name in self.local or name in self.names

    def is_variable(self, node: Node) -> bool:
        """Return whether a node is a name that may be assigned to."""
        if node.type != "identifier":
            return False
        binding = self.module.bindings.get(text(node))
        return text(node) in self.local or (
            isinstance(binding, NonConstant) and binding.node.type == "variable_declarator"
        )

    def is_place(self, node: Node) -> bool:
        """Return whether a node is a property of something new of our own, which nobody else has."""
        owner = node.child_by_field_name("object")
        return owner is not None and owner.type == "identifier" and text(owner) in self.fresh

    def is_filled(self, owner: Node) -> bool:
        """Return whether the owner's methods are JavaScript's own, and what it gets stays under a name that is known
        here."""
        if owner.type != "identifier" or text(owner) not in self.fresh:
            return False
        return self.is_known(owner) and text(owner) not in written(self.module.source)[0]

    def method(self, owner: Node, name: str) -> tuple[Module, Node] | None:
        """Return the method of an owner that is the same wherever it is named; None when it is not known."""
        return None if text(owner) in self.local else self.reach.method(self.module.source.path, text(owner), name)

    def is_reader(self, callee: Node) -> bool:
        """Return whether a callee is JavaScript's own and only reads, like `Object.keys`."""
        owner = callee.child_by_field_name("object") or callee
        return text(callee) in READERS | PLAIN and text(owner) not in self.module.bindings.keys() | self.names

    def function(self, node: Node) -> tuple[Module, Node] | None:
        """Return the function that stands here, or that a name of these files means; None when it is neither."""
        if node.type in FUNCTION_VALUES:
            return self.module, node
        if node.type != "identifier" or text(node) in self.local:
            return None
        return as_function(self.reach.binding(self.module.source.path, text(node)))
