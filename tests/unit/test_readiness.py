"""What /readyz is told of the files that stay open."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cloned import readiness
from cloned.readiness import Readiness


async def nothing() -> None:
    """A ledger that answers."""


@pytest.fixture
def ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Readiness:
    monkeypatch.setattr(readiness, "BELIEVED_SECONDS", -1.0)
    for name in ("journal", "ledger"):
        (tmp_path / name).write_text(name)
    none = tmp_path / "none"
    return Readiness(
        journal=lambda: "",
        ledger=nothing,
        listeners=lambda: (),
        live=lambda: none,
        files=lambda: none,
        state=tmp_path,
        kept={name: tmp_path / name for name in ("journal", "ledger")},
    )


def replace(path: Path) -> None:
    """By a copy, as who restores a backup under a running daemon does."""
    copy = path.with_suffix(".copy")
    copy.write_bytes(path.read_bytes())
    copy.replace(path)


@pytest.mark.parametrize("act", [Path.unlink, replace, lambda path: path.rename(path.with_suffix(".old"))])
@pytest.mark.parametrize("name", ["journal", "ledger"])
async def test_a_file_that_is_gone_from_its_place_is_told(
    ready: Readiness, name: str, act: Callable[[Path], object]
) -> None:
    assert not [line for line in await ready.wrong() if "moved" in line]
    act(ready.kept[name])
    (told,) = [line for line in await ready.wrong() if "moved" in line]
    assert told.startswith(f"{name}: {ready.kept[name]} was moved")


async def test_what_is_put_back_is_there_again(ready: Readiness) -> None:
    path = ready.kept["ledger"]
    path.rename(path.with_suffix(".old"))
    assert [line for line in await ready.wrong() if "moved" in line]
    path.with_suffix(".old").rename(path)
    assert not [line for line in await ready.wrong() if "moved" in line]
