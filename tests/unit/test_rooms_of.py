"""A package is entered by its rooms, and all of it is there for whoever asks for that."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloned.rooms_of import entered

NAME = "house_of_many_rooms"


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A package whose front door brings in a large room, and asks for one by its name."""
    folder = tmp_path / NAME
    folder.mkdir()
    (folder / "__init__.py").write_text(
        f"from {NAME}.large import LARGE\nfrom {NAME} import small\nNAME = 'front door'\n"
    )
    (folder / "large.py").write_text("LARGE = 'large'\n")
    (folder / "small.py").write_text(f"from {NAME} import tiny\nSMALL = tiny.TINY\n")
    (folder / "tiny.py").write_text("TINY = 'tiny'\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    yield NAME
    for each in [name for name in sys.modules if name.partition(".")[0] == NAME]:
        del sys.modules[each]


def test_what_is_entered_by_a_room_holds_no_other(house: str) -> None:
    with entered(house):
        small = importlib.import_module(f"{house}.small")
    assert small.SMALL == "tiny"
    assert f"{house}.large" not in sys.modules
    assert not hasattr(sys.modules[house], "__wrapped__")
    assert f"{house}.large" not in sys.modules


def test_whoever_asks_for_what_the_front_door_gives_gets_it(house: str) -> None:
    with entered(house):
        small = importlib.import_module(f"{house}.small")
    made = importlib.import_module(house)
    assert (made.NAME, made.LARGE) == ("front door", "large")
    assert made.small is small
    with pytest.raises(AttributeError, match="nothing"):
        _ = made.nothing


def test_one_that_is_there_already_stays_as_it_is(house: str) -> None:
    made = importlib.import_module(house)
    with entered(house):
        assert sys.modules[house] is made
    assert made.LARGE == "large"


def test_one_that_is_not_installed_is_missed_where_its_room_is_imported() -> None:
    with pytest.raises(ModuleNotFoundError, match="no_such_house"), entered("no_such_house"):
        importlib.import_module("no_such_house.small")
