"""A print queue that is damaged costs the queue, and neither the daemon nor a paper that a person asks for."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cloned.errors import MissingError
from cloned.papers.spool import Spool


class Idle:
    """An engine without laptops, and nothing that draws."""

    workshop = SimpleNamespace(laptops={})


def spool(path: Path) -> Spool:
    nobody: Any = Idle()
    return Spool(path, nobody, nobody, lambda: SimpleNamespace(label="", sheet="", when="done"))


@pytest.mark.parametrize("first", [0, 4096], ids=["head", "body"])
def test_a_new_one_is_begun(tmp_path: Path, first: int) -> None:
    path = tmp_path / "prints.sqlite"
    spool(path).close()
    with path.open("r+b") as file:
        size = file.seek(0, 2)
        file.seek(first)
        file.write(b"\xa5" * (size - first))
    (tmp_path / "prints.sqlite-wal").write_bytes(b"\xa5" * 4096)
    again = spool(path)
    assert again.shown() == []
    again.close()
    assert (tmp_path / "prints.damaged").exists()
    with sqlite3.connect(path) as base:
        assert base.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    base.close()


def test_one_that_is_not_ours_to_open_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "prints.sqlite").mkdir()  # as little to be opened as another user's file, for root too
    with pytest.raises(MissingError, match="the print queue"):
        spool(tmp_path / "prints.sqlite")
