"""The state directory on a file system that really is full: everything stops, is said, and goes on; nothing is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloned.core.events import Configured, Settings
from cloned.engine import Engine
from cloned.inventory.ledger import Ledger
from cloned.journal import Journal
from cloned.processes import run
from cloned.tasks import TaskOwner
from tests.waiting import until

pytestmark = pytest.mark.wire


class NoStreams:
    """Nothing is sent here."""


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "tiny"
    path.mkdir()
    run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", path])
    yield path
    run(["umount", path])


def fill(folder: Path) -> Path:
    """Take all the room that is left."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            return ballast


async def test_it_stops_says_so_and_goes_on(tiny: Path) -> None:
    journal, tasks = Journal(tiny / "journal"), TaskOwner("test")
    ledger = await Ledger.open(tiny / "ledger")
    engine = Engine(journal, NoStreams(), ledger)  # type: ignore[arg-type]
    tasks.start(engine.run(), "engine", service=True)
    await engine.submit(Configured(Settings()))
    ballast = fill(tiny)
    texts = [f"Latitude {number} {'x' * 900}" for number in range(300)]
    asked = [asyncio.ensure_future(engine.submit(Configured(Settings(default_image=text)))) for text in texts]
    await until(lambda: engine.problem)
    assert "cannot be written" in engine.problem
    assert not asked[-1].done()
    assert engine.workshop.settings.default_image != texts[-1]

    ballast.unlink()
    async with asyncio.timeout(20):
        await asyncio.gather(*asked)
    assert engine.problem == ""
    assert engine.workshop.settings.default_image == texts[-1]
    before = engine.workshop
    await tasks.close()
    journal.close()
    again = Engine(Journal(tiny / "journal"), NoStreams(), ledger)  # type: ignore[arg-type]
    again.replay()
    assert again.workshop == before
    again._journal.close()
    await ledger.close()
