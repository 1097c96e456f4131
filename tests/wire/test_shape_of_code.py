"""What no linter says of the code: one name for one class, short functions and files, and calls that name what they give."""

from __future__ import annotations

import ast
import statistics
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

pytestmark = pytest.mark.wire  # it reads every file of ours: a second

CODE = Path(__file__).parents[2] / "cloned"
TESTS = Path(__file__).parents[1]
MOST_LINES = 400
"""Of a file."""
MOST_BY_PLACE = 6
"""Arguments of a call that nothing names."""
BY_PLACE = {
    "pack": "struct.pack says in its format what stands where",
    "pack_into": "as pack",
    "create_table": "a table's columns",
    "Table": "a table's columns",
    "_column": "a column of a MIB: the numbers of its OID",
    "Alert": "a row of the table of alerts, each line in the order of its heading",
    "Media": "a row of the table of label sizes",
    "run": "a program's arguments",
    "_run": "a program's arguments",
    "clonezilla": "a program's arguments",
    "_child": "a program's arguments",
    "draw": "what is drawn in another process, and then its own arguments",
}
"""What may take more, and why."""

KINDS = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef, ast.Call)


@cache
def everything() -> tuple[tuple[Path, ast.AST], ...]:
    """Every class, function and call, and the file in which it stands."""
    trees = ((path, ast.parse(path.read_text())) for path in sorted(CODE.rglob("*.py")))
    return tuple((path, node) for path, tree in trees for node in ast.walk(tree) if isinstance(node, KINDS))


def test_a_class_has_a_name_of_its_own() -> None:
    names = Counter(node.name for _, node in everything() if isinstance(node, ast.ClassDef))
    assert len(names) > 500, "is the code somewhere else?"
    assert [name for name, count in names.items() if count > 1] == []


def test_functions_are_short() -> None:
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    lengths = sorted(
        (node.end_lineno or 0) - node.lineno + 1 for _, node in everything() if isinstance(node, functions)
    )
    assert statistics.median(lengths) <= 8
    assert lengths[len(lengths) * 9 // 10] <= 16


@pytest.mark.parametrize("place", [CODE, TESTS], ids=["cloned", "tests"])
def test_files_are_short(place: Path) -> None:
    files = {str(path.relative_to(place)): path.read_text().count("\n") for path in place.rglob("*.py")}
    assert len(files) > 300, "are they somewhere else?"
    assert {name: count for name, count in files.items() if count > MOST_LINES} == {}


def calls_by_place() -> Iterator[tuple[str, str]]:
    """Where one gives too many without a name, and what is called."""
    for path, node in everything():
        if not isinstance(node, ast.Call) or any(isinstance(each, ast.Starred) for each in node.args):
            continue
        if len(node.args) > MOST_BY_PLACE:
            yield f"{path.relative_to(CODE)}:{node.lineno}", ast.unparse(node.func).rpartition(".")[2]


def test_a_call_names_what_it_gives() -> None:
    found = list(calls_by_place())
    assert [(where, name) for where, name in found if name not in BY_PLACE] == []
    assert BY_PLACE.keys() - {name for _, name in found} == set(), "named above for nothing"
