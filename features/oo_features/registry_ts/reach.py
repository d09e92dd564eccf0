"""The names by which each file can get at the registry, or at an element of it: whatever mentions one gets at it.

Names that get at everything (`eval`, `globalThis`, prototypes) count as such names, too.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from tree_sitter import Node

from oo_features.registry_ts.evaluator import Evaluator, Name
from oo_features.registry_ts.forms import FUNCTION_VALUES, unwrapped
from oo_features.registry_ts.imports import DATA, loaded, run_by, target
from oo_features.registry_ts.mentions import filled, mentions, patches
from oo_features.registry_ts.module import FUNCTIONS, WHOLE, Binding, Const, ImportBinding, Module, NonConstant
from oo_features.registry_ts.source_file import children, read, text, walk
from oo_features.registry_ts.statements import load

__all__ = ["Reach", "as_function", "reach"]


@dataclass(slots=True)
class Reach:
    """The files that run and can get at the registry, and in each of them the names that do."""

    modules: dict[Path, Module]
    names: dict[Path, set[str]] = field(default_factory=dict)

    def binding(self, path: Path, name: str, seen: tuple[Name, ...] = ()) -> tuple[Module, Binding | Node] | None:
        """Return what a name of a file is, and the file that declares it; None for packages and unknown names."""
        module = self.modules.get(path)
        if module is None or (path, name) in seen:
            return None
        binding = module.bindings.get(name)
        if isinstance(binding, ImportBinding):
            return self._imported(module, binding, (*seen, (path, name)))
        return None if binding is None else (module, binding)

    def _imported(
        self, module: Module, imported: ImportBinding, seen: tuple[Name, ...]
    ) -> tuple[Module, Binding | Node] | None:
        path = target(module, imported)
        other = None if path is None else self.modules.get(path)
        return (
            None
            if path is None or other is None or imported.name == WHOLE
            else self.exported(path, imported.name, seen)
        )

    def namespace(self, path: Path, name: str) -> Path | None:
        """Return the file that `import * as name` means; None for another name."""
        module = self.modules[path]
        binding = module.bindings.get(name)
        return target(module, binding) if isinstance(binding, ImportBinding) and binding.name == WHOLE else None

    def exported(self, path: Path, name: str, seen: tuple[Name, ...] = ()) -> tuple[Module, Binding | Node] | None:
        """Return what a file exports under a name, and the file that declares it; None when that is not known."""
        other = self.modules.get(path)
        if other is None:
            return None
        export = other.exports.get(name)
        if isinstance(export, str):
            return self.binding(path, export, seen)
        if isinstance(export, ImportBinding):
            return self._imported(other, export, seen)
        if export is not None:
            return other, export
        stars = (self._imported(other, ImportBinding(star.specifier, name, star.node), seen) for star in other.stars)
        return next((resolved_export for resolved_export in stars if resolved_export is not None), None)

    def method(self, path: Path, owner: str, name: str) -> tuple[Module, Node] | None:
        """Return the function that `time.hours` means: of an object that is written out, or of a whole file."""
        if (whole := self.namespace(path, owner)) is not None:
            return as_function(self.exported(whole, name))
        resolved_owner = self.binding(path, owner)
        if resolved_owner is None or not isinstance(resolved_owner[1], Const):
            return None
        module, value = resolved_owner[0], unwrapped(resolved_owner[1].value)
        pairs = children(value) if value.type == "object" else []
        named = [unwrapped(part.child_by_field_name("value") or part) for part in pairs if _key(part) == name]
        functions = [part for part in named if part.type in FUNCTION_VALUES | {"method_definition"}]
        accessor = any(part.type in {"get", "set"} for function in functions for part in function.children)
        return (module, functions[0]) if len(named) == len(functions) == 1 and not accessor else None

    def reaches(self, path: Path, name: str, seen: tuple[Name, ...] = ()) -> bool:
        """Return whether an export of a file (`*`: any of them) gets at the registry."""
        module = self.modules.get(path)
        if (path, name) in seen:
            return False
        seen = (*seen, (path, name))
        names = self.names.get(path, set())
        if module is None:
            return bool(names)
        stars = any(self._through(module, star, name, seen) for star in module.stars)
        if name == WHOLE:
            return stars or any(self.reaches(path, export, seen) for export in module.exports)
        exported_as = module.exports.get(name)
        if isinstance(exported_as, str):
            return exported_as in names
        if isinstance(exported_as, ImportBinding):
            return self._through(module, exported_as, exported_as.name, seen)
        return (f"export {name}" in names or mentions(exported_as, names)) if exported_as is not None else stars

    def _through(self, module: Module, imported: ImportBinding, name: str, seen: tuple[Name, ...]) -> bool:
        path = target(module, imported)
        return path is not None and self.reaches(path, name, seen)

    def grow(self) -> bool:
        """Add the names that mention one, in each file; return whether there were any."""
        grown = False
        for path, module in self.modules.items():
            names = self.names.setdefault(path, set())
            before = len(names)
            names |= {name for name, binding in module.bindings.items() if self._holds(module, binding, names)}
            names |= filled(module, names)
            grown |= len(names) > before
        return grown

    def _holds(self, module: Module, binding: Binding, names: set[str]) -> bool:
        if isinstance(binding, ImportBinding):
            return self._through(module, binding, binding.name, ())
        node = binding.value if isinstance(binding, Const) else binding.node
        return mentions(node, names) or self.loads(module, node)

    def loads(self, module: Module, node: Node) -> bool:
        """Return whether `require("./file")` or `import("./file")` below brings the registry in."""
        for below in walk(node):
            path = loaded(module.source, below)
            if path is not None and self.reaches(path, WHOLE):
                return True
        return False


def as_function(resolved: tuple[Module, Binding | Node] | None) -> tuple[Module, Node] | None:
    """Return the function that a binding is, and its file; None when it is none."""
    module, binding = resolved if resolved is not None else (None, None)
    if module is None or binding is None or isinstance(binding, ImportBinding):
        return None
    node = binding.node if isinstance(binding, NonConstant) else binding
    body = unwrapped(node.value if isinstance(node, Const) else node)
    return (module, body) if body.type in FUNCTION_VALUES | FUNCTIONS else None


def _key(pair: Node) -> str:
    key = pair.child_by_field_name("key") or pair.child_by_field_name("name")
    return text(key).strip("\"'") if key is not None else text(pair)


def reach(evaluator: Evaluator, names: set[Name]) -> Reach:
    """Return every name of every file that runs with these and can get at what `names` stand for.

    Raises:
        NotConstant: a file is run for what it does, and is not there to look at.
    """
    _load_neighbours(evaluator, {path for path, _ in names})
    reachable = Reach(dict(evaluator.modules))
    for path, name in names:
        reachable.names.setdefault(path, set()).add(name)
    # A name in one file may reach another file only by a third, so grow until nothing is added.
    while reachable.grow():
        pass
    return reachable


def _load_neighbours(evaluator: Evaluator, holding: set[Path]) -> None:
    """Read the files that run with these and import, directly or not, one that holds the registry's objects.

    Raises:
        NotConstant: one of them changes JavaScript's own objects.
    """
    sources = {path: module.source for path, module in evaluator.modules.items()}
    runs: dict[Path, set[Path]] = {}
    while waiting := sources.keys() - runs.keys():
        for path in waiting:
            runs[path] = set(run_by(sources[path]))
        new = {path for source in waiting for path in runs[source] if path.suffix != DATA} - sources.keys()
        sources |= {path: read(path) for path in new}
    reaching = set(holding)
    while new := {path for path, others in runs.items() if path not in reaching and others & reaching}:
        reaching |= new
    for path in sorted(path for path in reaching - evaluator.modules.keys() if path.suffix != DATA):
        evaluator.modules[path] = load(path, evaluated=False)
    for path in sources if evaluator.calls else ():
        if (patch := patches(sources[path])) is not None:
            raise sources[path].refuse(
                patch, f"`{' '.join(text(patch).split())[:60]}` changes what JavaScript's own does"
            )
