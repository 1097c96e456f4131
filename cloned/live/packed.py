"""Packs the agent as a zipapp that any Python from 3.11 on runs, and the same Python runs without compiling."""

from __future__ import annotations

import ast
import importlib.util
import io
import json
import marshal
import zipfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent.parent
ROOMS = ("agent", "clonezilla", "disk", "stream")
"""Packages that are packed whole, beside `saying.py`; an import contract keeps them from needing another."""

_TIME = (1980, 1, 1, 0, 0, 0)
_UNCHECKED = (1).to_bytes(4, "little")
"""PEP 552: a hash-based .pyc that is taken without looking at its source."""

_MAIN = "from cloned.agent.__main__ import run\n\nrun()\n"


def _itself(text: str) -> str:
    return text


@cache
def agent_zipapp(say: Callable[[str], str] = _itself) -> bytes:
    """The agent and what it stands on as one zip file; the same sources give the same bytes.

    `say`: the workshop's language, for the laptop's own screen.
    """
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        _add(archive, "__main__.py", _MAIN)
        for path in _sources():
            _add(archive, str(path.relative_to(_PACKAGE.parent)), path.read_text())
        words = json.dumps(_words(say), ensure_ascii=False, sort_keys=True)
        archive.writestr(zipfile.ZipInfo("cloned/agent/words.json", _TIME), words, zipfile.ZIP_DEFLATED, 9)
    return out.getvalue()


def _sources() -> Iterator[Path]:
    """Every file of the rooms that run on a laptop."""
    yield _PACKAGE / "__init__.py"
    yield _PACKAGE / "saying.py"
    for room in ROOMS:
        yield from sorted((_PACKAGE / room).glob("*.py"))


def _words(say: Callable[[str], str]) -> dict[str, str]:
    """Every text in those files that the language has words for."""
    texts = {
        node.value
        for path in _sources()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value
    }
    return {text: words for text in texts if (words := say(text)) != text}


def _add(archive: zipfile.ZipFile, name: str, source: str) -> None:
    """Source and bytecode beside it; an interpreter of another version skips the bytecode."""
    data = source.encode()
    code = compile(data, name, "exec", dont_inherit=True)
    head = importlib.util.MAGIC_NUMBER + _UNCHECKED + importlib.util.source_hash(data)
    for path, content in ((f"{name}c", head + marshal.dumps(code)), (name, data)):
        archive.writestr(zipfile.ZipInfo(path, _TIME), content, zipfile.ZIP_DEFLATED, 9)
