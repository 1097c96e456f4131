"""The command line speaks only what the OpenAPI document says: paths, methods, query keys, verbs and what verbs take."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from cloned import client
from cloned.errors import ClonedError, UsageError
from cloned.status.openapi import document

HERE = Path(client.__file__).parent
FILES = [
    HERE / "client.py",
    HERE / "lab" / "daemon.py",
    *sorted((HERE / "cli").glob("*.py")),
    *(HERE / "check").glob("*.py"),
]


@cache
def described() -> dict[str, Any]:
    return document()


@cache
def paths() -> dict[str, Any]:
    return {re.sub(r"\{\w+\}", "{}", path): each for path, each in described()["paths"].items()}


@cache
def nodes() -> list[tuple[str, ast.AST]]:
    """(file, node) of all that is said."""
    return [(file.name, node) for file in FILES for node in ast.walk(ast.parse(file.read_text()))]


def text(node: ast.AST) -> str | None:
    """A string as it is written, `{}` where something is put in; None for anything else."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(text(part) or "{}" for part in node.values)
    return None


def addresses() -> Iterator[tuple[str, str]]:
    """(where, address) of every address that is asked for, with {} for what is put in."""
    inside = {id(part) for _, node in nodes() if isinstance(node, ast.JoinedStr) for part in node.values}
    for file, node in nodes():
        found = None if id(node) in inside else text(node)
        if found is not None and re.match(r"/(api|laptops|today)\b", found):
            yield f"{file}:{getattr(node, 'lineno', 0)}", found


def operation(address: str) -> dict[str, Any] | None:
    path = urlsplit(address).path
    exact = paths().get(path)
    if exact is not None:
        return dict(exact)
    pattern = re.escape(path).replace(r"\{\}", "[^/]*")  # /today/{}s.pdf is one of several
    found = [each for known, each in paths().items() if re.fullmatch(pattern, known.replace("{}", "x"))]
    return dict(found[0]) if found else None


def unknown(address: str) -> list[str]:
    """What of it does not stand in the document."""
    found = operation(address)
    if found is None:
        return [address]
    asked = {key for key, _ in parse_qsl(urlsplit(address).query, keep_blank_values=True)}
    told = {each["name"] for how in found.values() for each in how.get("parameters", ()) if each["in"] == "query"}
    return sorted(asked - told)


def test_every_address_stands_in_the_document() -> None:
    assert [(where, address, unknown(address)) for where, address in addresses() if unknown(address)] == []
    assert unknown("/api/v1/nothing") == ["/api/v1/nothing"]
    assert unknown("/api/v1/ledger?limit=5&nothing=1") == ["nothing"]


def test_it_found_what_the_command_line_asks() -> None:
    assert {"/api/v1/state", "/api/v1/commands", "/api/v1/laptops/{}"} <= {address for _, address in addresses()}
    assert "post" in paths()["/api/v1/commands"]


def commands() -> Iterator[tuple[str, str | None, list[str]]]:
    """(where, verb, keys) of every command that is sent."""
    for file, node in nodes():
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "client.command":
            yield f"{file}:{node.lineno}", text(node.args[1]), [each.arg for each in node.keywords if each.arg]


def test_every_command_stands_in_the_document() -> None:
    takes = described()["components"]["schemas"]["CommandRequest"]["properties"]
    assert list(commands())
    for where, verb, keys in commands():
        assert verb is None or verb in takes["do"]["enum"], where  # None: made from the core's table
        assert set(keys) <= set(takes), where


def test_a_refusal_is_read_as_the_document_has_it() -> None:
    problem = described()["components"]["schemas"]["Problem"]
    assert {"error", "hint"} <= set(problem["required"])
    answers = described()["paths"]["/api/v1/laptops/{id}"]["get"]["responses"]["404"]["content"]
    assert set(answers) == {"application/problem+json", "text/plain"}
    for status, kind in ((404, UsageError), (500, ClonedError)):
        told = client._refusal(status, {"error": "there is no laptop 99", "hint": "see"})
        assert (type(told), told.message, told.hint) == (kind, "there is no laptop 99", "see")
