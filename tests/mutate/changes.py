"""What can be changed: every comparison of a file, each `and` and `or`, and how one of them is turned round while it runs.

A file is compiled once with all its changes in it: `a < b` becomes `a <= b if __turned__(17) else a < b`. Whoever runs it puts
`__turned__` among the builtins: nothing is turned where it answers False, and it hears which conditions are come by.
"""

from __future__ import annotations

import ast
import copy
import importlib.abc
import importlib.machinery
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

ROOT = Path(__file__).parents[2]
NAME = "__turned__"
_OTHER: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip


@dataclass(frozen=True)
class Change:
    """One condition turned round; `path` from the root, `within` the function or class, "" at the top of a file."""

    number: int
    path: str
    line: int
    within: str
    was: str
    now: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line} {self.within or 'at the top'}: {self.was}  ->  {self.now}"


class _Turner(ast.NodeTransformer):
    """Puts every change into a tree; `changes` says which. What is asserted is no behaviour, and is left alone."""

    def __init__(self, path: str, first: int) -> None:
        self.path, self.first, self.changes, self._names = path, first, list[Change](), list[str]()

    def _either(self, node: ast.expr, others: list[ast.expr]) -> ast.expr:
        """The node, or one of the others when its number is asked for. Within these nothing more is turned."""
        numbers = []
        for other in others:
            numbers.append(self.first + len(self.changes))
            within = ".".join(self._names)
            self.changes.append(
                Change(numbers[-1], self.path, node.lineno, within, ast.unparse(node), ast.unparse(other))
            )
        self.generic_visit(node)
        for number, other in zip(numbers, others, strict=True):
            asked = ast.Call(ast.Name(NAME, ast.Load()), [ast.Constant(number)], [])
            node = ast.copy_location(ast.IfExp(asked, other, node), node)
        return node

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        others: list[ast.expr] = []
        for index, sign in enumerate(node.ops):
            other = copy.deepcopy(node)
            other.ops[index] = _OTHER[type(sign)]()
            others.append(other)
        return self._either(node, others)

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.expr:
        other = copy.deepcopy(node)
        other.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        return self._either(node, [other])

    def visit_Assert(self, node: ast.Assert) -> ast.Assert:
        return node

    def _named(self, node: Any) -> Any:
        self._names.append(node.name)
        self.generic_visit(node)
        self._names.pop()
        return node

    visit_FunctionDef = visit_AsyncFunctionDef = visit_ClassDef = _named  # noqa: N815


def turned(source: str, path: str, first: int = 0) -> tuple[ast.Module, list[Change]]:
    """The file with all changes in it, and these, numbered from `first` on."""
    turner = _Turner(path, first)
    tree = turner.visit(ast.parse(source))
    return ast.fix_missing_locations(tree), turner.changes


def files(rooms: Sequence[str]) -> list[Path]:
    """The files of rooms (each a file or a folder from the root), each once."""
    found = {
        file for room in rooms for file in ([ROOT / room] if room.endswith(".py") else (ROOT / room).rglob("*.py"))
    }
    return sorted(found)


class Turned(importlib.abc.MetaPathFinder):
    """Imports some files with their changes in them: put it at the head of sys.meta_path before they are imported."""

    def __init__(self, rooms: Sequence[str]) -> None:
        self.changes, self._code = list[Change](), dict[str, CodeType]()
        for file in files(rooms):
            tree, changes = turned(file.read_text(), str(file.relative_to(ROOT)), len(self.changes))
            self.changes += changes
            self._code[str(file)] = compile(tree, file, "exec", dont_inherit=True)

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """None for a file that is not ours."""
        if not name.startswith("cloned."):
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is None or spec.origin not in self._code:
            return None
        spec.loader = _Loader(name, spec.origin, self._code[spec.origin])
        return spec

    def modules(self) -> Iterator[str]:
        """The names of what can be imported so."""
        for file in map(Path, self._code):
            parts = file.relative_to(ROOT).with_suffix("").parts
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


class _Loader(importlib.machinery.SourceFileLoader):
    def __init__(self, name: str, path: str, code: CodeType) -> None:
        super().__init__(name, path)
        self._code = code

    def get_code(self, fullname: str) -> CodeType:
        return self._code


def ask(answer: Callable[[int], object]) -> None:
    """From now on every condition asks this whether it is turned; it gets its number."""
    sys.modules["builtins"].__dict__[NAME] = answer
