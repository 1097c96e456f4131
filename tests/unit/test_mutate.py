"""That `make mutate` turns round what it says, and that what it need not notice is still in the source."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from tests.mutate.changes import NAME, ROOT, Change, turned
from tests.mutate.looked_at import LookedAt, stale, table, why
from tests.mutate.rooms import ROOMS, asked_for, enclosing, paths_of, room_of

SOURCE = """
class Door:
    def opens(self, age, guest):
        return 18 <= age < 65 or (guest is not None and guest in ("An", "Jan"))

def names(found):
    assert found != []
    return [each for each in found if each != ""]
"""


def opened(number: int) -> tuple[Callable[[Any, Any], bool], set[int]]:
    """The door with a condition turned, and the numbers of those that were come by."""
    come_by: set[int] = set()

    def asked(which: int) -> bool:
        come_by.add(which)
        return which == number

    place: dict[str, Any] = {NAME: asked}
    exec(compile(turned(SOURCE, "door.py")[0], "door.py", "exec"), place)
    return place["Door"]().opens, come_by


def test_every_comparison_of_a_chain_and_every_join_is_a_change_and_nothing_asserted_is() -> None:
    changes = turned(SOURCE, "door.py", 100)[1]
    assert [(each.number, each.within, each.was.partition(" for ")[0], each.now) for each in changes][1:3] == [
        (101, "Door.opens", "18 <= age < 65", "18 < age < 65"),
        (102, "Door.opens", "18 <= age < 65", "18 <= age <= 65"),
    ]
    assert [(each.within, each.line) for each in changes] == [("Door.opens", 4)] * 6 + [("names", 8)]


@pytest.mark.parametrize(
    ("number", "age", "guest", "usual", "now"),
    [
        (0, 20, None, True, False),
        (1, 18, None, True, False),
        (2, 65, None, False, True),
        (3, 9, "Piet", False, True),
        (4, 9, "An", True, False),
        (5, 9, "An", True, False),
    ],
)
def test_one_condition_is_turned_and_no_other(number: int, age: int, guest: str | None, usual: bool, now: bool) -> None:
    opens, come_by = opened(-1)
    assert opens(age, guest) is usual
    assert come_by >= {0, 1, 2}
    assert opened(number)[0](age, guest) is now


def entry(**other: str) -> LookedAt:
    return LookedAt(
        **{"path": "a.py", "within": "f", "was": "a < b", "now": "a <= b", "why": "they are never the same"} | other
    )


def test_what_was_looked_at_is_found_by_its_words_and_stale_once_they_are_gone() -> None:
    change = Change(7, "a.py", 12, "f", "a < b", "a <= b")
    assert why(change, [entry(now="a > b"), entry()]) == "they are never the same"
    assert [why(change, [entry(**{key: "other"})]) for key in ("path", "within", "was", "now")] == [""] * 4
    assert stale([change], [entry(), entry(within="g")]) == [entry(within="g")]


def test_the_table_holds_against_the_source_and_says_why() -> None:
    entries = table()
    texts = {path: (ROOT / path).read_text() for path in {entry.path for entry in entries}}
    changes = [change for path, text in texts.items() for change in turned(text, path)[1]]
    assert stale(changes, entries) == []
    assert [entry for entry in entries if len(entry.why) < 20] == []
    assert len({(entry.path, entry.within, entry.was, entry.now) for entry in entries}) == len(entries)


def test_every_room_is_there_with_tests_and_the_narrowest_counts() -> None:
    assert [path for path in (*ROOMS, *paths_of(list(ROOMS))) if not (ROOT / path).exists()] == []
    assert room_of(Change(0, "cloned/core/confirm.py", 1, "", "", "")) == "cloned/core/confirm.py"
    assert room_of(Change(0, "cloned/core/ids.py", 1, "", "", "")) == "cloned/core"


def test_a_file_lies_in_a_room_and_what_lies_in_none_is_refused() -> None:
    assert enclosing("cloned/core/evening.py") == "cloned/core"
    assert enclosing("cloned/core/confirm.py") == "cloned/core/confirm.py"
    assert [enclosing(each) for each in ("cloned/core/nothing.py", "cloned/app.py", "cloned/disks")] == [None] * 3
    change = Change(1, "cloned/core/evening.py", 1, "", "", "")
    assert [asked_for(change, [each]) for each in ("cloned/core", change.path, "cloned/core/erasing.py")] == [
        True,
        True,
        False,
    ]


@pytest.mark.wire
def test_it_tells_what_is_noticed_and_fails_where_that_is_too_little() -> None:
    command = [sys.executable, "-m", "tests.mutate", "--seed", "1", "--each", "8", "--jobs", "1", "cloned/clonezilla"]
    done = subprocess.run([*command, "--share", "50"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " of 8 noticed" in done.stdout
    done = subprocess.run([*command, "--share", "101"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
