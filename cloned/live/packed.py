"""Packs the agent as a zipapp that any Python from 3.11 on runs, and the same Python runs without compiling."""

from __future__ import annotations

import ast
import importlib.util
import io
import marshal
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent.parent
_TIME = (1980, 1, 1, 0, 0, 0)
_UNCHECKED = (1).to_bytes(4, "little")
"""PEP 552: a hash-based .pyc that is taken without looking at its source."""

_MAIN = "from cloned.agent.__main__ import run\n\nrun()\n"


@cache
def agent_zipapp() -> bytes:
    """The agent and the core as one zip file; the same sources give the same bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        _add(archive, "__main__.py", _MAIN)
        for path in _sources():
            _add(archive, str(path.relative_to(_PACKAGE.parent)), path.read_text())
    return out.getvalue()


def _sources() -> Iterator[Path]:
    """The agent's files and, of the core, those it imports."""
    found: set[Path] = set()
    todo = [f"cloned.agent.{path.stem}" for path in (_PACKAGE / "agent").glob("[!_]*.py")] + ["cloned.agent.__main__"]
    while todo:
        name = todo.pop()
        path = _file(name)
        if path is not None and path not in found:
            found.add(path)
            todo += [name.rpartition(".")[0], *_imported(path.read_text())]
    yield from sorted(found)


def _file(module: str) -> Path | None:
    """The source of a module of ours; None for other people's, and for names that are no modules."""
    base = _PACKAGE.parent / module.replace(".", "/")
    package = base / "__init__.py"
    found = package if package.is_file() else base.with_suffix(".py")
    return found if module.split(".")[0] == "cloned" and found.is_file() else None


def _imported(source: str) -> Iterator[str]:
    """Names that a source imports, each also as the module it may come from."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def _add(archive: zipfile.ZipFile, name: str, source: str) -> None:
    """Source and bytecode beside it; an interpreter of another version skips the bytecode."""
    data = source.encode()
    code = compile(data, name, "exec", dont_inherit=True)
    head = importlib.util.MAGIC_NUMBER + _UNCHECKED + importlib.util.source_hash(data)
    for path, content in ((f"{name}c", head + marshal.dumps(code)), (name, data)):
        archive.writestr(zipfile.ZipInfo(path, _TIME), content, zipfile.ZIP_DEFLATED, 9)
