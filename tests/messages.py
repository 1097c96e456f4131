"""Finds every message in the code that people read; `make locale` gathers them by it, and tests hold them against it.

A message is a plain text at a place where one belongs (`PLACES`), a code's words, a command's help or a template's
`_()`. An f-string at such a place could never be translated: it is `unfit`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).resolve().parent.parent
ERRORS = (
    "ClonedError", "UsageError", "MissingError", "ImageError", "SwitchError", "StoppedError", "LedgerError",
    "JournalFull", "SnmpRefusedError", "StrangerError", "WrongKeysError", "PrinterError", "UnreadableError",
    "LedgerUnreadable",
)  # fmt: skip
SINGLE = (
    "FactsError",
    "LayoutError",
    "NtfsError",
    "ExtError",
    "ToolError",
    "OptionError",
    "Skipped",
    "TemplateError",
    "NoPicture",
)
PLACES: dict[str, tuple[int, ...]] = {
    **dict.fromkeys(("_", "gettext", "to_translate", "Phrase", "say", "_tell", "echo"), (0,)),
    **dict.fromkeys(ERRORS, (0, 1)),
    **dict.fromkeys(SINGLE, (0,)),
    **dict.fromkeys(("SinkRefused", "Unavailable", "Missing", "SnipeItError", "GlpiRefusal"), (0,)),
    **dict.fromkeys(("Warn", "warning", "problem"), (1, 2)),
    **dict.fromkeys(("AgentError", "EraseTrouble", "Word", "Verb"), (1,)),
    "Difference": (),
    "fail": (2,),
    **dict.fromkeys(("refuse", "_refuse"), (1, 2)),
    "Rating": (1, 3),
    "EraseOffer": (2,),
    "EraseChoice": (2, 3),
    "_bad": (2,),
    "happened": (),
    "print_table": (0,),
    **dict.fromkeys(("ok", "confirm"), (0,)),
    **dict.fromkeys(("warned", "skipped"), (0, 1)),
    "Finding": (2, 3),
    **dict.fromkeys(("CertificateFinding", "TrialFinding"), (1,)),
}
"""Callables by name → which of their arguments are messages. Keyword arguments of these names are, too:"""
NAMED = ("hint", "why", "text", "help", "note", "words", "said")
CALLED = ("Warn", "Word", "Verb", "option", "argument", "group", "command", "warning", *ERRORS)
"""Callables whose keyword arguments in `NAMED` are messages."""
TABLES = (
    "_STATES",
    "FAULTS",
    "_PHASES",
    "_FIRMWARE",
    "_SMART",
    "_NAMES",
    "HELP",
    "HINTS",
    "WRONG",
    "TESTS",
    "MANY",
    "REFUSAL",
)
"""Names at a module's top whose texts, keys of dicts left out, are messages."""
COMMAND_DOCS = ("command", "group")
ENUMERATIONS = ("Worded",)

Found = tuple[int, str, Any, list[str]]
_TELLING = (ast.Call, ast.ClassDef, ast.Assign, ast.AnnAssign, ast.FunctionDef)
"""What `messages` looks at; the nine nodes of ten that are none of these cost time only."""


def messages(nodes: Iterable[ast.AST]) -> Iterator[tuple[int, str, ast.expr]]:
    """(line, function, argument) for every place where a message belongs."""
    for node in nodes:
        if isinstance(node, ast.Call):
            yield from _called(node)
        elif isinstance(node, ast.ClassDef) and any(_name(base) in ENUMERATIONS for base in node.bases):
            yield from _members(node)
        elif isinstance(node, ast.ClassDef) and any(_name(base) in ERRORS for base in node.bases):
            yield from _raised(node)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            yield from _table(node)
        elif isinstance(node, ast.FunctionDef) and any(_name(each) in COMMAND_DOCS for each in node.decorator_list):
            yield from _doc(node)


def _called(node: ast.Call) -> Iterator[tuple[int, str, ast.expr]]:
    name = _name(node.func)
    if name in ("ngettext", "pgettext") or (isinstance(node.func, ast.Attribute) and _name(node.func.value) == "log"):
        return
    for at in PLACES.get(name, ()):
        if at < len(node.args):
            yield from ((each.lineno, name, each) for each in _alternatives(node.args[at]))
    for keyword in node.keywords if name in CALLED else ():
        if keyword.arg in NAMED:
            yield from ((each.lineno, name, each) for each in _alternatives(keyword.value))


def _alternatives(value: ast.expr) -> Iterator[ast.expr]:
    """Each text that may stand there: both ends of a condition, every item of a list."""
    if isinstance(value, ast.IfExp):
        yield from _alternatives(value.body)
        yield from _alternatives(value.orelse)
    elif isinstance(value, ast.List):
        for each in value.elts:
            yield from _alternatives(each)
    elif isinstance(value, ast.BoolOp):
        for each in value.values:
            yield from _alternatives(each)
    else:
        yield value


def _members(node: ast.ClassDef) -> Iterator[tuple[int, str, ast.expr]]:
    for line in node.body:
        if isinstance(line, ast.Assign) and isinstance(line.value, ast.Tuple):
            yield from ((each.lineno, node.name, each) for each in line.value.elts[1:])


def _raised(node: ast.ClassDef) -> Iterator[tuple[int, str, ast.expr]]:
    """What an error of our own says when it is made."""
    for each in ast.walk(node):
        if isinstance(each, ast.Call) and isinstance(each.func, ast.Attribute) and each.func.attr == "__init__":
            yield from ((said.lineno, node.name, said) for value in each.args[:2] for said in _alternatives(value))


def _table(node: ast.Assign | ast.AnnAssign) -> Iterator[tuple[int, str, ast.expr]]:
    target = node.targets[0] if isinstance(node, ast.Assign) else node.target
    if _name(target).lower().lstrip("_").endswith("hint") and isinstance(node.value, ast.Constant | ast.IfExp):
        yield from ((each.lineno, "hint", each) for each in _alternatives(node.value))
    if _name(target) in TABLES and node.value is not None:
        values = node.value.values if isinstance(node.value, ast.Dict) else [node.value]
        for each in (part for value in values for part in ast.walk(value)):
            if isinstance(each, ast.Constant) and isinstance(each.value, str) and each.value:
                yield each.lineno, _name(target), each


def _doc(node: ast.FunctionDef) -> Iterator[tuple[int, str, ast.expr]]:
    text = ast.get_docstring(node)
    if text:
        yield node.lineno, "gettext", ast.Constant(text)


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Call):
        return _name(node.func)
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


@dataclass(frozen=True)
class Scanned:
    """What stands in a file."""

    found: list[Found]
    """(line, function, message or messages, comments), as Babel asks for it."""
    unfit: list[int]
    """Lines where a message is put together before anybody could translate it."""


def scan(path: Path) -> Scanned:
    """Every message of a file."""
    with path.open("rb") as file:
        return _scanned(file.read())


def _scanned(source: bytes) -> Scanned:
    nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, _TELLING)]
    found: list[Found] = []
    unfit = []
    for line, _, value in messages(nodes):
        if isinstance(value, ast.JoinedStr | ast.BinOp):
            unfit.append(line)
        elif isinstance(value, ast.Constant) and isinstance(value.value, str) and any(map(str.isalpha, value.value)):
            found.append((line, "gettext", value.value, []))
    for node in nodes:
        if isinstance(node, ast.Call) and _name(node.func) in ("ngettext", "pgettext"):
            texts = [each.value for each in node.args[:2] if isinstance(each, ast.Constant)]
            if len(texts) == 2:
                found.append((node.lineno, _name(node.func), tuple(texts), []))
    return Scanned(found, unfit)


def extract(file: IO[bytes], keywords: object, comment_tags: object, options: object) -> list[Found]:
    """As Babel calls it."""
    return _scanned(file.read()).found
