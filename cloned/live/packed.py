"""Packs the agent as a zipapp that any Python from 3.11 on runs, and the same Python runs without compiling."""

from __future__ import annotations

import hashlib
import importlib.util
import io
import json
import logging
import marshal
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import CodeType

log = logging.getLogger(__name__)

_PACKAGE = Path(__file__).resolve().parent.parent
ROOMS = ("agent", "clonezilla", "disk", "stream")
"""Packages that are packed whole; an import contract keeps them from needing another."""
GROUND = ("json_data.py", "order_types.py", "saying.py")
"""And what all of them stand on."""

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
    return _packed(say, "")


def kept_agent(kept: Path, say: Callable[[str], str], digest: str) -> bytes:
    """As `agent_zipapp`, from the file `kept` where it holds the very same: packing takes a second of each start.

    `digest` changes with the words that `say` has.
    """
    mark = _mark(digest)
    try:
        with zipfile.ZipFile(kept) as archive:
            if archive.comment.decode("ascii", "replace") == mark and archive.testzip() is None:
                return kept.read_bytes()
    except (OSError, zipfile.BadZipFile, zlib.error, ValueError, EOFError):
        pass
    made = _packed(say, mark)
    new = kept.with_suffix(".new")
    try:
        new.write_bytes(made)
        new.replace(kept)
    except OSError as error:
        log.warning("the packed agent cannot be kept, the next start takes a second more: %s", error)
    return made


def _mark(digest: str) -> str:
    """What a packed agent was made of: this Python, these sources, these words."""
    made_of = hashlib.sha256(importlib.util.MAGIC_NUMBER + digest.encode() + _MAIN.encode())
    for path in (*_sources(), Path(__file__)):
        data = path.read_bytes()
        made_of.update(f"{path.relative_to(_PACKAGE)} {len(data)}\n".encode() + data)
    return made_of.hexdigest()


def _packed(say: Callable[[str], str], comment: str) -> bytes:
    out, texts = io.BytesIO(), set[str]()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        _add(archive, "__main__.py", _MAIN)
        for path in _sources():
            texts |= _texts(_add(archive, str(path.relative_to(_PACKAGE.parent)), path.read_text()))
        translated = {text: words for text in texts if text and (words := say(text)) != text}
        words = json.dumps(translated, ensure_ascii=False, sort_keys=True)
        archive.writestr(zipfile.ZipInfo("cloned/agent/words.json", _TIME), words, zipfile.ZIP_DEFLATED, 9)
        archive.comment = comment.encode()
    return out.getvalue()


def _sources() -> Iterator[Path]:
    """Every file of the rooms that run on a laptop."""
    yield _PACKAGE / "__init__.py"
    for name in GROUND:
        yield _PACKAGE / name
    for room in ROOMS:
        yield from sorted((_PACKAGE / room).glob("*.py"))


def _texts(code: CodeType) -> set[str]:
    """Every text that stands in compiled code: messages among them."""
    found, left = set[str](), [*code.co_consts]
    while left:
        each = left.pop()
        if isinstance(each, str):
            found.add(each)
        elif isinstance(each, tuple | frozenset):
            left += each
        elif isinstance(each, CodeType):
            left += each.co_consts
    return found


def _add(archive: zipfile.ZipFile, name: str, source: str) -> CodeType:
    """Source and bytecode beside it; an interpreter of another version skips the bytecode."""
    data = source.encode()
    code: CodeType = compile(data, name, "exec", dont_inherit=True)
    head = importlib.util.MAGIC_NUMBER + _UNCHECKED + importlib.util.source_hash(data)
    for path, content in ((f"{name}c", head + marshal.dumps(code)), (name, data)):
        archive.writestr(zipfile.ZipInfo(path, _TIME), content, zipfile.ZIP_DEFLATED, 9)
    return code
