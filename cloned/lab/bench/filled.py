"""A ledger with a past, for benchmarks: as many results as one likes, put in as if each had been recorded."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, insert, select

from cloned.core.attempts import ATTEMPTS
from cloned.core.recorded import traces_of
from cloned.inventory import rows, tallies
from cloned.inventory.deliveries import tally
from cloned.inventory.ledger import Ledger
from cloned.inventory.names import names_of
from cloned.inventory.schema import deliveries, names, results, revisions, traces
from cloned.json_data import JsonObject

BEGIN = datetime(2026, 11, 1, 8, 0, tzinfo=UTC)


def row(laptop: int, attempt: int, moment: int) -> JsonObject:
    """A result as a laptop leaves it."""
    return {
        "laptop": f"l{laptop:06d}", "attempt": attempt, "at": (BEGIN + timedelta(seconds=moment)).isoformat(),
        "image": "school-2026", "image_hash": "ab" * 32, "verdict": "verified", "state": "done",
        "serial": f"PF{laptop:06d}", "vendor": "LENOVO", "product": "20L6S0ABCD", "macs": [mac_of(laptop)],
        "tag": f"DM-{laptop:06d}", "disk": {"serial": "S3Z9", "model": "SAMSUNG MZVLB256", "size": 256060514304},
        "cpu": "Intel(R) Core(TM) i5-8350U", "memory": 8 << 30, "bytes": 7_340_032_000, "rounds": 1,
        "seconds": {"boot": 31.0, "receive": 71.5, "verify": 40.0},
        "hardware": {"batteries": [{"design_wh": 50.0, "full_wh": 44.0, "cycles": 210}], "wifi": "Intel AX200"},
    }  # fmt: skip


def erased(laptop: int, moment: int, donation: str) -> JsonObject:
    """What erasing it first left."""
    disk = {"key": "S3Z9", "bus": "nvme", "model": "SAMSUNG MZVLB256", "serial": "S3Z9", "size": 256060514304,
            "method": "nvme-format", "technique": "NVMe Format",
            "level": "purge", "completed": True, "verified": True, "seconds": 3.0}  # fmt: skip
    told = {"result": "erased", "level": "purge", "donation": donation, "disks": [disk]}
    more: JsonObject = {"attempt": ATTEMPTS + 1, "kind": "erasure", "verdict": "none", "state": "erased"}
    return {**row(laptop, 1, moment), **more, "erasure": told}


def mac_of(laptop: int) -> str:
    """Of its card."""
    return f"02:00:00:{laptop >> 16:02x}:{laptop >> 8 & 255:02x}:{laptop & 255:02x}"


async def fill(ledger: Ledger, made: list[JsonObject], sinks: tuple[str, ...], state: str) -> None:
    """Put results in as `record` would, many at a time."""
    kept = [rows.clean(each) for each in made]
    for start in range(0, len(kept), 1000):
        await ledger._transaction(_put_in, kept[start : start + 1000], sinks, state, long=True)
    await ledger.register(sinks, dict.fromkeys(sinks, "none"))


def _put_in(connection: Connection, part: Sequence[rows.LedgerRow], sinks: tuple[str, ...], state: str) -> None:
    keys: list[dict[str, object]] = [{"laptop": each.laptop, "attempt": each.attempt, "revision": 1} for each in part]
    columns = ("at", "state", "verdict", "image", "serial", "tag", "uuid")
    told = [
        key | {name: each.data.get(name) for name in columns} | {"row": each.data}
        for key, each in zip(keys, part, strict=True)
    ]
    connection.execute(insert(results), told)
    made_keys = [
        key | {"key": each.key, "recorded": time.time(), "row": each.data} for key, each in zip(keys, part, strict=True)
    ]
    connection.execute(insert(revisions), made_keys)
    owed = [
        key | {"sink": name, "state": state, "tries": 0, "due": 0.0, "reason": "", "added": time.time()}
        for key in keys
        for name in sinks
    ]
    if owed:
        connection.execute(insert(deliveries), owed)
    _searched_by(connection, part)
    tally(connection, [each for one in part for each in tallies.counted(one.data)])


def _searched_by(connection: Connection, part: Sequence[rows.LedgerRow]) -> None:
    """Names and traces of laptops that may be there already, all of them in two statements."""
    laptops = {each.laptop for each in part}
    for table, column, told in ((names, names.c.name, names_of), (traces, traces.c.trace, traces_of)):
        has = connection.execute(select(table.c.laptop, column).where(table.c.laptop.in_(laptops))).all()
        wants = {(each.laptop, said) for each in part for said in told(each.data)} - {
            (which, said) for which, said in has
        }
        if wants:
            connection.execute(insert(table), [{"laptop": which, column.name: said} for which, said in sorted(wants)])
