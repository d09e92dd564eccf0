"""The evaluation of names over several files, each name once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tree_sitter import Node

from oo_features.registry_ts import source_file as ts
from oo_features.registry_ts.data import read_json
from oo_features.registry_ts.expression import Expression
from oo_features.registry_ts.imports import DATA, resolved
from oo_features.registry_ts.module import ImportBinding, Module, NonConstant
from oo_features.registry_ts.source_file import NotConstant, SourceLocation, children, text
from oo_features.registry_ts.statements import load
from oo_features.registry_ts.values import Enumeration, Fields, Function, LocatedValue

__all__ = ["Evaluator", "Name"]

Name = tuple[Path, str]
MAX_CALLS = 100_000  # calls that are evaluated for one registry


@dataclass(slots=True)
class Evaluator:
    """An evaluator of the names of files, each once, which remembers the names that each value was made from."""

    modules: dict[Path, Module] = field(default_factory=dict)
    known: dict[Name, LocatedValue] = field(default_factory=dict)
    uses: dict[Name, set[Name]] = field(default_factory=dict)
    under_way: list[Name] = field(default_factory=list)
    calls: int = 0

    def module(self, path: Path) -> Module:
        """Return a file's names; the file is parsed once.

        Raises:
            NotConstant: it is not TypeScript, or declares something in a form that is not known.
        """
        if path not in self.modules:
            self.modules[path] = load(path)
        return self.modules[path]

    def spend(self, place: SourceLocation) -> None:
        """Count a call.

        Raises:
            NotConstant: there were more than any registry needs.
        """
        self.calls += 1
        if self.calls > MAX_CALLS:
            raise NotConstant(place, f"more than {MAX_CALLS} calls")

    def exported(self, path: Path, name: str, place: SourceLocation) -> LocatedValue:
        """Return what a file exports under a name.

        Raises:
            NotConstant: it exports no such name, or its value is no constant.
        """
        if path.suffix == DATA:
            return self._once((path, f"export {name}"), place, lambda: _data(path, name, place))
        return self._once((path, f"export {name}"), place, lambda: self._exported(self.module(path), name, place))

    def made_from(self, name: Name) -> set[Name]:
        """Return every name that this one's value was made from, itself among them."""
        names, waiting = {name}, [name]
        while waiting:
            new = self.uses.get(waiting.pop(), set()) - names
            names |= new
            waiting.extend(new)
        return names

    def _once(self, name: Name, place: SourceLocation, make: Callable[[], LocatedValue]) -> LocatedValue:
        if self.under_way:
            self.uses.setdefault(self.under_way[-1], set()).add(name)
        # Two files that import from each other are a cycle, too: which of them has run when depends on the loader.
        elsewhere = bool(self.under_way) and self.under_way[-1][0] != name[0]
        if name in self.under_way or (elsewhere and any(path == name[0] for path, _ in self.under_way)):
            raise NotConstant(place, f"`{name[1]}` goes round in a cycle")
        if name in self.known:
            return self.known[name]
        self.under_way.append(name)
        try:
            self.known[name] = make()
        finally:
            self.under_way.pop()
        return self.known[name]

    def _exported(self, module: Module, name: str, place: SourceLocation) -> LocatedValue:
        export = module.exports.get(name)
        if isinstance(export, str):
            binding = module.bindings.get(export)
            return self.local(
                module, export, module.source.place(binding.node) if isinstance(binding, NonConstant) else place
            )
        if isinstance(export, ImportBinding):
            return self._imported(module, export)
        if export is not None:
            return self.value(module, export)
        return self._through_stars(module, name, place)

    def _through_stars(self, module: Module, name: str, place: SourceLocation) -> LocatedValue:
        holding = {path for path in self._starred(module) if name != "default" and name in self.exports(path)}
        if len(holding) == 1:
            return self.exported(holding.pop(), name, place)
        why = "is exported by several of its files" if holding else "is not exported there"
        raise NotConstant(place, f"`{name}` of {module.source.path} {why}")

    def _starred(self, module: Module) -> list[Path]:
        path = module.source.path
        return [resolved(path, star.specifier, module.source.place(star.node)) for star in module.stars]

    def exports(self, path: Path, seen: tuple[Path, ...] = ()) -> list[str]:
        """Return every name that a file exports, with those that `export *` passes on."""
        if path in seen:
            return []
        module = self.module(path)
        passed_on = [name for other in self._starred(module) for name in self.exports(other, (*seen, path))]
        return list(dict.fromkeys([*module.exports, *(name for name in passed_on if name != "default")]))

    def _imported(self, module: Module, imported: ImportBinding) -> LocatedValue:
        place = module.source.place(imported.node)
        path = resolved(module.source.path, imported.specifier, place)
        if imported.name == "*" and path.suffix != DATA:
            return LocatedValue(self.module(path), place)
        return self.exported(path, imported.name, place)

    def local(self, module: Module, name: str, place: SourceLocation) -> LocatedValue:
        """Return the value of a top-level name.

        Raises:
            NotConstant: the name is not declared as a constant.
        """
        binding = module.bindings.get(name)
        if binding is None:
            raise NotConstant(place, f"`{name}` is not declared as a constant here")
        if isinstance(binding, NonConstant) and binding.node.type == "function_declaration":
            function = Function(module, binding.node, {})
            return self._once((module.source.path, name), place, lambda: LocatedValue(function, place))
        if isinstance(binding, NonConstant) and binding.node.type == "enum_declaration":
            enum = binding.node
            return self._once((module.source.path, name), place, lambda: self._enumeration(module, enum))
        if isinstance(binding, NonConstant):
            raise NotConstant(place, f"`{name}` is {binding.what}, not a constant")
        if isinstance(binding, ImportBinding):
            imported = binding
            return self._once((module.source.path, name), place, lambda: self._imported(module, imported))
        value = binding.value
        return self._once((module.source.path, name), place, lambda: self.value(module, value))

    def value(self, module: Module, node: Node) -> LocatedValue:
        """Return the value of an expression.

        Raises:
            NotConstant: it is no constant.
        """
        return LocatedValue(Expression(self, module).value(node), module.source.place(node))

    def _enumeration(self, module: Module, node: Node) -> LocatedValue:
        """Return the members of an enum in their order: a value of its own, or one more than the number before."""
        members: Fields = {}
        following: float | None = 0.0
        for part in children(ts.field(node, "body")):
            value_node = part.child_by_field_name("value")
            key = (
                Expression(self, module).string(part)
                if part.type == "string"
                else text(ts.field(part, "name"))
                if value_node
                else text(part)
            )
            place = module.source.place(part)
            if value_node is not None and ts.field(part, "name").type == "string":
                key = Expression(self, module).string(ts.field(part, "name"))
            value = Expression(self, module, members).value(value_node) if value_node is not None else following
            if not isinstance(value, str | float) or isinstance(value, bool) or key in members:
                raise NotConstant(place, f"the member `{key}` of the enum is no constant")
            following = value + 1 if isinstance(value, float) else None
            members = members | {key: LocatedValue(value, place)}
        return LocatedValue(Enumeration(members), module.source.place(node))


def _data(path: Path, name: str, place: SourceLocation) -> LocatedValue:
    if name != "default":
        raise NotConstant(place, f"of {path.name} only the whole can be imported, by `import name from`")
    return read_json(path)
