"""What names come to, over several files, each evaluated once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tree_sitter import Node

from oo_local.contract.expression import Expression, Found
from oo_local.contract.module import Imported, Module, Unknown, load, resolved
from oo_local.contract.source import Place, Refused

__all__ = ["Evaluator", "Found", "Name"]

Name = tuple[Path, str]


@dataclass(slots=True)
class Evaluator:
    """Evaluates names of files, each once; remembers which names each one was made from."""

    modules: dict[Path, Module] = field(default_factory=dict)
    known: dict[Name, Found] = field(default_factory=dict)
    uses: dict[Name, set[Name]] = field(default_factory=dict)
    under_way: list[Name] = field(default_factory=list)

    def module(self, path: Path) -> Module:
        if path not in self.modules:
            self.modules[path] = load(path)
        return self.modules[path]

    def exported(self, path: Path, name: str, at: Place) -> Found:
        """What a file exports under a name."""
        return self._once((path, f"export {name}"), at, lambda: self._exported(self.module(path), name, at))

    def made_from(self, name: Name) -> set[Name]:
        """Every name that this one's value was made from, itself among them."""
        found, waiting = {name}, [name]
        while waiting:
            new = self.uses.get(waiting.pop(), set()) - found
            found |= new
            waiting.extend(new)
        return found

    def _once(self, name: Name, at: Place, make: Callable[[], Found]) -> Found:
        if self.under_way:
            self.uses.setdefault(self.under_way[-1], set()).add(name)
        elsewhere = bool(self.under_way) and self.under_way[-1][0] != name[0]
        if name in self.under_way or (elsewhere and any(path == name[0] for path, _ in self.under_way)):
            raise Refused(at, f"`{name[1]}` goes round in a cycle")
        if name in self.known:
            return self.known[name]
        self.under_way.append(name)
        try:
            self.known[name] = make()
        finally:
            self.under_way.pop()
        return self.known[name]

    def _exported(self, module: Module, name: str, at: Place) -> Found:
        what = module.exports.get(name)
        if isinstance(what, str):
            binding = module.bindings.get(what)
            return self.local(module, what, module.source.place(binding.node) if isinstance(binding, Unknown) else at)
        if isinstance(what, Imported):
            return self._imported(module, what)
        if what is not None:
            return self.value(module, what)
        return self._through_stars(module, name, at)

    def _through_stars(self, module: Module, name: str, at: Place) -> Found:
        holding = {path for path in self._starred(module) if name != "default" and name in self.exports(path)}
        if len(holding) == 1:
            return self.exported(holding.pop(), name, at)
        why = "is exported by several of its files" if holding else "is not exported there"
        raise Refused(at, f"`{name}` of {module.source.path} {why}")

    def _starred(self, module: Module) -> list[Path]:
        path = module.source.path
        return [resolved(path, star.specifier, module.source.place(star.node)) for star in module.stars]

    def exports(self, path: Path, seen: tuple[Path, ...] = ()) -> list[str]:
        """Every name that a file exports, with those that `export *` hands on."""
        if path in seen:
            return []
        module = self.module(path)
        handed = [name for other in self._starred(module) for name in self.exports(other, (*seen, path))]
        return list(dict.fromkeys([*module.exports, *(name for name in handed if name != "default")]))

    def _imported(self, module: Module, what: Imported) -> Found:
        at = module.source.place(what.node)
        path = resolved(module.source.path, what.specifier, at)
        if what.name == "*":
            return Found(self.module(path), at)
        return self.exported(path, what.name, at)

    def local(self, module: Module, name: str, at: Place) -> Found:
        """The value of a top-level name."""
        binding = module.bindings.get(name)
        if binding is None:
            raise Refused(at, f"`{name}` is not declared as a constant here")
        if isinstance(binding, Unknown):
            raise Refused(at, f"`{name}` is {binding.what}, not a constant")
        if isinstance(binding, Imported):
            imported = binding
            return self._once((module.source.path, name), at, lambda: self._imported(module, imported))
        value = binding.value
        return self._once((module.source.path, name), at, lambda: self.value(module, value))

    def value(self, module: Module, node: Node) -> Found:
        """What an expression comes to.

        Raises:
            Refused: it is no constant.
        """
        return Found(Expression(self, module).value(node), module.source.place(node))
