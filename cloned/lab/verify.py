"""After the session: laptops off, results delivered, and everything the lab looks at with its own eyes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from cloned.core.row_types import Row
from cloned.core.shown_data import LaptopData
from cloned.errors import ClonedError
from cloned.lab.checks import Check, check_disk
from cloned.lab.fault import OnLaptop
from cloned.lab.laptops import LabLaptop
from cloned.lab.machine import VirtualLaptop
from cloned.lab.media import find, still_held
from cloned.lab.power import AT_ONCE
from cloned.lab.thinbox import ThinBox
from cloned.lab.watching import LaptopSeen
from cloned.lab.workshop import LabWorkshop, troubles

BOOTED = "cloned-sample: booted"
"""What the sample system prints on its serial line (images/)."""
_POWER_OFF_SECONDS = 45.0
_RESULTS_SECONDS = 20.0
_RESULTS_AFTER_PAUSE_SECONDS = 180.0
"""Seconds for results to arrive at an inventory that was away: the outbox tries less and less often."""
_BOOT = 240.0


async def switched_off(workshop: LabWorkshop, seen: Sequence[LaptopSeen]) -> None:
    """Wait until laptops that are done have switched themselves off; the rest lose power."""
    done = [workshop.laptops[sight.number] for sight in seen if sight.state in ("done", "erased")]
    await _until(lambda: not any(laptop.running for laptop in done), _POWER_OFF_SECONDS)
    for laptop in workshop.laptops.values():
        await asyncio.to_thread(laptop.power_cut)


async def results(workshop: LabWorkshop, seen: Sequence[LaptopSeen]) -> tuple[list[Row], list[Check]]:
    """The ledger's rows, and whether the ledger has every result and the inventory got all of it."""
    verified = {str(sight.data["id"]) for sight in seen if sight.data is not None and sight.verified}
    rows: list[Row] = []

    async def in_ledger() -> bool:
        rows[:] = await workshop.daemon.ledger()
        return verified <= {row["laptop"] for row in rows if row["verdict"] == "verified"}

    whole = await _until_async(in_ledger, _RESULTS_SECONDS)
    checks = [Check(f"the ledger holds the results of {len(verified)} laptops", whole, f"{len(rows)} rows")]
    waits = any(fault.slows_sinks for fault in workshop.injector.faults)
    inventory = workshop.services.inventory
    wanted = {(row["laptop"], row["attempt"]) for row in rows}

    def arrived() -> bool:
        return wanted <= {(row["laptop"], row["attempt"]) for row in inventory.rows.values()}

    patience = _RESULTS_AFTER_PAUSE_SECONDS if waits else _RESULTS_SECONDS
    came = await _until(lambda: arrived() and not workshop.injector.underway, patience)
    checks.append(Check("every result arrived at the inventory", came, f"{len(inventory.rows)} arrived"))
    return rows, checks


async def own_eyes(workshop: LabWorkshop, seen: Sequence[LaptopSeen]) -> list[Check]:
    """Disks hashed from outside or booted, what must be untouched, what the faults must have led to."""
    changed = [each for each in workshop.injector.faults if isinstance(each, OnLaptop) and each.changes_disk]
    checks = [_noticed(each, seen) for each in changed]
    verified = [workshop.laptops[sight.number] for sight in seen if sight.verified]
    if any(isinstance(laptop, ThinBox) for laptop in verified):
        workshop.display.say("hashing the disks from outside")
        manifest = workshop.stock.manifest
        for laptop in verified:
            checks.append(await asyncio.to_thread(check_disk, laptop.number, laptop.disk, manifest))
    for number in sorted(workshop.options.erasers):
        laptop = workshop.laptops[number]
        checks.append(await asyncio.to_thread(_old_data, laptop, cloned=laptop in verified))
    checks += await _own_disk_boots(workshop, verified)
    checks.append(await asyncio.to_thread(workshop.bystander.check))
    return checks


def _old_data(laptop: LabLaptop, *, cloned: bool) -> Check:
    """Whether anything that lay on its disks before is found in the files behind them.

    What files of somebody's own held is looked for in place; not once it was `cloned`: that image may have lain there.
    """
    known = {} if cloned else laptop.remembered
    paths = (laptop.disk.path, *laptop.others)
    places = {path.name: find(path) + still_held(path, known.get(path, {})) for path in paths}
    where = "; ".join(f"{name} at {', '.join(map(str, at))}" for name, at in places.items() if at)
    return Check(f"nothing of the old data is left on laptop {laptop.number}'s {len(places)} disks", not where, where)


def _noticed(fault: OnLaptop, seen: Sequence[LaptopSeen]) -> Check:
    """The first verdict must have named what was changed, and a second round must have put it right."""
    data = seen[fault.laptop - 1].data or LaptopData()
    named = data.get("first_differs") or data.get("differs") or []
    where = ", ".join(f"partition {each['partition']}, bytes {each['first']} to {each['last']}" for each in named)
    ok = bool(named) and data.get("attempts", 0) >= 2
    return Check(f"laptop {fault.laptop}'s first verdict named what differs", ok, where)


async def _own_disk_boots(workshop: LabWorkshop, verified: Sequence[LabLaptop]) -> list[Check]:
    """Every clone that can boot is started from its own disk, without a network card."""
    manifest = workshop.stock.manifest
    boots = [
        laptop for laptop in verified
        if isinstance(laptop, VirtualLaptop) and laptop.identity.firmware.family in manifest.firmware
    ]  # fmt: skip
    places = asyncio.Semaphore(AT_ONCE)

    async def one(laptop: VirtualLaptop) -> Check:
        async with places:
            return await _own_disk_boot(workshop, laptop)

    return list(await asyncio.gather(*(one(laptop) for laptop in boots)))


async def _own_disk_boot(workshop: LabWorkshop, laptop: VirtualLaptop) -> Check:
    what = f"laptop {laptop.number} starts from its own disk"
    workshop.display.say(what)
    laptop.boot_own_disk()
    try:
        said = await _until(lambda: BOOTED in laptop.shown() or not laptop.running, _BOOT)
        line = next((line.strip() for line in laptop.shown().splitlines() if BOOTED in line), "")
        return Check(what, said and bool(line), line or f"it did not say so: {troubles(laptop)}")
    finally:
        await asyncio.to_thread(laptop.power_cut)


async def _until(ready: Callable[[], bool], seconds: float) -> bool:
    async def asked() -> bool:
        return ready()

    return await _until_async(asked, seconds)


async def _until_async(ready: Callable[[], Awaitable[bool]], seconds: float) -> bool:
    """Wait until `ready()` is true, at most so long; an answer that fails counts as not yet."""
    clock = asyncio.get_running_loop().time
    until = clock() + seconds
    while True:
        try:
            if await ready():
                return True
        except ClonedError:
            pass
        if clock() > until:
            return False
        await asyncio.sleep(0.2)
