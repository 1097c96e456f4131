"""A journal that somebody emptied beside a full ledger: said until a person has seen it, or all is there again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cloned.backup import EMPTIED_NOTE, backup, restore
from cloned.core.events import Command
from cloned.core.ids import Identity, LaptopId
from cloned.core.laptop import Facts, Laptop, State
from cloned.core.workshop import Workshop
from cloned.errors import UsageError
from cloned.inventory.ledger import Ledger
from cloned.journal import Journal
from cloned.tasks import TaskOwner
from cloned.troubles import Troubles
from tests.unit.inventory.ledgers import empty


class Casts:
    """Nothing is sent, so nothing of it failed."""

    def troubles(self) -> list[Any]:
        return []


class Knows:
    """An engine, as far as it is looked at."""

    def __init__(self, *laptops: str) -> None:
        made = {LaptopId(each): Laptop(LaptopId(each), 1, Facts(Identity()), State.DONE, 0, 0) for each in laptops}
        self.workshop = replace(Workshop(), laptops=made)


@pytest.fixture
async def ledger(tmp_path: Path) -> Any:
    made = await Ledger.open(empty(tmp_path / "ledger.sqlite"))
    yield made
    await made.close()


async def started(tmp_path: Path, ledger: Ledger, events: int, *laptops: str) -> Troubles:
    troubles = Troubles(TaskOwner("test"), Casts(), tmp_path)  # type: ignore[arg-type]
    await troubles.compare(events, Knows(*laptops), ledger)  # type: ignore[arg-type]
    return troubles


def codes(troubles: Troubles) -> list[str]:
    return [each["code"] for each in troubles.to_json()]


async def with_results(ledger: Ledger) -> None:
    for ident in ("a", "b"):
        await ledger.record({"laptop": ident, "attempt": 1, "at": 1.0, "state": "done", "verdict": "verified"})


async def test_it_stands_over_every_start_until_it_is_seen(tmp_path: Path, ledger: Ledger) -> None:
    assert codes(await started(tmp_path, ledger, 0)) == []
    await with_results(ledger)
    assert codes(await started(tmp_path, ledger, 0)) == ["journal-empty"]
    troubles = await started(tmp_path, ledger, 7, "c")
    assert codes(troubles) == ["journal-empty"]
    with pytest.raises(UsageError, match="no notice"):
        await troubles.seen(Command("seen", "page", text="other"))
    await troubles.seen(Command("seen", "page", text="journal-empty"))
    assert codes(troubles) == []
    with pytest.raises(UsageError, match="no notice"):
        await troubles.seen(Command("seen", "page", text="journal-empty"))
    assert codes(await started(tmp_path, ledger, 9, "c")) == []


async def test_it_ends_where_every_laptop_of_the_ledger_is_known_again(tmp_path: Path, ledger: Ledger) -> None:
    await with_results(ledger)
    await started(tmp_path, ledger, 0)
    assert codes(await started(tmp_path, ledger, 7, "a")) == ["journal-empty"]
    assert codes(await started(tmp_path, ledger, 9, "a", "b", "c")) == []
    assert codes(await started(tmp_path, ledger, 7, "a")) == []


async def test_a_restore_ends_it(tmp_path: Path, ledger: Ledger) -> None:
    Journal(tmp_path / "old" / "journal.sqlite").close()
    backup(tmp_path / "old", tmp_path / "b.tgz")
    new = tmp_path / "new"
    new.mkdir()
    (new / EMPTIED_NOTE).touch()
    restore(new, tmp_path / "b.tgz")
    assert not (new / EMPTIED_NOTE).exists()
