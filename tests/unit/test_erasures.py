"""The desk that certificates come from: what of a laptop, and of a delivery, is said to be erased."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

from cloned import certificates
from cloned.certificates import CertificateFinding
from cloned.config import Config
from cloned.core.boot import BootRequest
from cloned.core.erase_events import DiskErased, MediaTold
from cloned.core.erasing import under_way
from cloned.core.events import Command, Hello, SwitchChanged
from cloned.core.ids import LaptopId, clean, token_digest
from cloned.core.laptop import Facts
from cloned.disk import erase_machine as machine
from cloned.disk.erase_record import ErasureFault, LookBack
from cloned.disk.erase_samples import DiskSample
from cloned.disk.media import Medium
from cloned.engine import Engine
from cloned.erasures import ErasureDesk
from cloned.errors import UsageError
from cloned.inventory.ledger import Ledger
from cloned.journal import Journal
from cloned.signing import SiteKey
from cloned.tasks import TaskOwner
from tests.unit.engines import Streams, settled
from tests.unit.inventory.ledgers import empty

SIZE = 10**9
GOOD = LookBack("sample", "s", 3, 9, 1, "zeros")


@dataclass
class Counter:
    """A workshop with its ledger and desk."""

    engine: Engine
    desk: ErasureDesk
    key: SiteKey
    count: int = 0

    async def come(self) -> LaptopId:
        """A laptop with one disk starts its live system."""
        self.count += 1
        mac, serial = f"02:00:00:00:00:{self.count:02x}", f"5CG{self.count}"
        answer = await self.engine.boot(BootRequest(mac, "10.0.0.5", serial=serial))
        facts = Facts(clean("", serial, "HP", "ProBook", [mac]))
        await self.engine.submit(Hello(token_digest(answer.token), facts, "10.0.0.5"))
        laptop = self.engine.authorise(answer.token, "10.0.0.5")
        assert laptop is not None
        await self.look(laptop.id)
        return laptop.id

    async def look(self, ident: LaptopId) -> None:
        serial = self.engine.workshop.laptops[ident].identity.serial
        await self.engine.submit(MediaTold(ident, (Medium("/dev/vda", SIZE, serial=f"D{serial}", model="Disk"),)))

    async def begin(self, ident: LaptopId) -> None:
        serial = self.engine.workshop.laptops[ident].media[0].serial
        await self.engine.command(Command("erase", "Ann", ident, disks=(serial,), level="clear", text="only"))

    async def erase(self, ident: LaptopId, fault: ErasureFault | None = None) -> None:
        """From its confirmation to its end, well or not."""
        await self.begin(ident)
        erasure = self.engine.workshop.laptops[ident].erasure
        assert erasure is not None
        record = machine.remembered(erasure.disks[0], (DiskSample(0, 4096, "ab"),), 1.0)
        written = machine.wrote(machine.starting(record, ("cloned 1",)), SIZE)
        end = machine.fail(written, fault, "byte 4096") if fault else machine.looked(written, GOOD, 9.0)
        for each in (record, machine.starting(record, ("cloned 1",)), written, end):
            await self.engine.submit(DiskErased(ident, erasure.id, each))
        await settled(self.engine)

    async def paper(self, laptop: str = "", donation: str = "") -> tuple[CertificateFinding, str]:
        """What a check says of the paper, and its text."""
        pdf = await self.desk.certificate(laptop, donation, "en")
        words = " ".join("\n".join(page.extract_text() for page in PdfReader(BytesIO(pdf)).pages).split())
        return certificates.check(pdf, self.key.public), words

    def serials(self, found: CertificateFinding, name: str = "laptops") -> list[tuple[str, str]]:
        return [(each["serial"], each["result"]) for each in found.facts[name]]


@asynccontextmanager
async def counter(folder: Path) -> AsyncIterator[Counter]:
    ledger, journal, tasks = await Ledger.open(empty(folder / "ledger")), Journal(folder / "journal"), TaskOwner("test")
    engine, key = Engine(journal, Streams(), ledger), SiteKey.open(folder)
    engine.replay()
    for work, name in ((engine.run(), "engine"), (engine.run_effects(), "effects")):
        tasks.start(work, name, service=True)
    await engine.submit(SwitchChanged(8, "test", 1000))
    try:
        yield Counter(engine, ErasureDesk(Config(), engine, ledger, key), key)
    finally:
        await tasks.close()
        journal.close()
        await ledger.close()


async def test_of_a_delivery_the_erased_are_certified_and_every_other_laptop_is_named(tmp_path: Path) -> None:
    async with counter(tmp_path) as shop:
        await shop.engine.command(Command("delivery", "Ann", text="2026-17"))
        good, bad, _never, begun = [await shop.come() for _ in range(4)]
        await shop.erase(good)
        await shop.erase(bad, ErasureFault.LIES)
        await shop.begin(begun)
        found, said = await shop.paper(donation="2026-17")
        assert found.genuine
        assert shop.serials(found) == [("5CG1", "erased")]
        left = [("5CG2", "not-erased"), ("5CG3", "never"), ("5CG4", "erasing")]
        assert shop.serials(found, "not_erased") == left
        assert "1 of 4 erased, 3 NOT ERASED" in said
        assert "D5CG2: It says it is erased, but old data is still there: byte 4096" in said


async def test_of_a_delivery_of_which_nothing_is_erased_there_is_no_certificate(tmp_path: Path) -> None:
    async with counter(tmp_path) as shop:
        await shop.engine.command(Command("delivery", "Ann", text="2026-17"))
        bad = await shop.come()
        await shop.erase(bad, ErasureFault.UNREACHED)
        for words in ({"donation": "2026-17"}, {"laptop": bad}):
            found, said = await shop.paper(**words)
            assert not found.genuine
            assert "NOT ERASED" in said
            assert "D5CG1" in said


async def test_an_older_erasure_proves_nothing_while_the_next_is_not_through(tmp_path: Path) -> None:
    async with counter(tmp_path) as shop:
        await shop.engine.command(Command("delivery", "Ann", text="2026-17"))
        first, second = await shop.come(), await shop.come()
        for ident in (first, second):
            await shop.erase(ident)
        assert shop.serials((await shop.paper(first))[0]) == [("5CG1", "erased")]
        await shop.begin(first)
        assert under_way(shop.engine.workshop.laptops[first])
        with pytest.raises(UsageError, match="not through"):
            await shop.paper(first)
        found, _ = await shop.paper(donation="2026-17")
        assert shop.serials(found) == [("5CG2", "erased")]
        assert shop.serials(found, "not_erased") == [("5CG1", "erasing")]


async def test_what_was_never_erased_has_no_paper(tmp_path: Path) -> None:
    async with counter(tmp_path) as shop:
        laptop = await shop.come()
        for words in ({"laptop": laptop}, {"donation": "nobody"}):
            known: dict[str, Any] = dict(words)
            with pytest.raises(UsageError, match="nothing of"):
                await shop.paper(**known)
