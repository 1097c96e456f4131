"""Which laptop of the ledger one is: found by evidence, by its own rows and by its names."""

from dataclasses import replace

import pytest

from cloned.core.derived import first_ids
from cloned.core.disks import Disk
from cloned.core.evidence import Evidence
from cloned.core.ids import clean
from cloned.core.known import KnownToLedger
from cloned.effect_parts import AnothersRow

DISK = Disk("/dev/sda", 256060514304, serial="S3Z9", wwn="eui.0025")
CARD = "d8:9e:f3:00:00:01"


def sight(*macs, disks=(), dongles=(), serial="b5to023 ", **said):
    """A machine that says the same as the row of `make_row`, with other cards and disks."""
    return Evidence(clean(serial=serial, vendor="Dell Inc.", macs=macs, **said), disks, frozenset(dongles))


async def test_who_is_who_is_found_by_evidence(ledger, make_row):
    await ledger.record(make_row("drawn-by-chance", 1))
    await ledger.record(make_row("drawn-by-chance", 2))
    await ledger.record(make_row("drawn-by-chance", 1_000_003, kind="erasure", erasure={"disks": []}))
    for seen in (sight(CARD), sight("02:00:00:00:00:01", disks=(DISK,))):
        known = await ledger.known(seen)
        assert (known.laptop, known.jobs, known.erasures, known.tag) == ("drawn-by-chance", 2, 3, "0042")
        assert not known.namesake
    known = await ledger.known(sight(CARD, disks=(replace(DISK, serial="X9"),)))
    assert (known.laptop, known.jobs, known.namesake) == ("", 0, "0042"), "that card may be a dock's"
    assert known.perhaps is not None
    assert (known.perhaps.laptop, known.perhaps.jobs, known.perhaps.tag) == ("drawn-by-chance", 2, "0042")
    second = "d8:9e:f3:00:00:0f"
    await ledger.record(make_row("drawn-by-chance", 3, macs=[CARD, second]))
    assert (await ledger.known(sight(CARD, second, disks=(replace(DISK, serial="X9"),)))).laptop == "drawn-by-chance"


async def test_no_row_is_of_two_machines(ledger, make_row):
    """Two sites may give one id to two machines before either has a result: the second must have one of its own."""
    await ledger.record(make_row("same", 1))
    other = {"macs": ["d8:9e:f3:00:00:02"], "disk": {"serial": "S3Z8", "size": 256060514304}}
    for attempt in (1, 2):
        with pytest.raises(AnothersRow):
            await ledger.record(make_row("same", attempt, **other))
    with pytest.raises(AnothersRow):
        await ledger.record(make_row("same", 2, serial="PF77AB2", macs=["d8:9e:f3:00:00:02"], disk=None))
    assert [(row["attempt"], row["revision"]) for row in await ledger.rows()] == [(1, 1)]
    assert (await ledger.known(sight("d8:9e:f3:00:00:02"))).laptop == ""
    await ledger.record(make_row("same", 2, macs=["d8:9e:f3:00:00:02"]))  # by its disk
    await ledger.record(make_row("same", 3, macs=["d8:9e:f3:00:00:03", CARD], disk={"serial": "NEW1", "size": 1}))
    await ledger.record(make_row("same", 2_000_001, kind="lending", macs=["d8:9e:f3:00:00:09"], disk=None))


async def test_words_alone_make_no_machine_one_of_the_ledgers(ledger, make_row):
    """One that says the same with other cards and disks is another, gets another id, and is asked about."""
    twin = sight("02:00:00:00:00:01", disks=(replace(DISK, serial="OTHER7"),))
    await ledger.record(make_row(first_ids(twin.identity)[0], 1))
    known = await ledger.known(twin)
    assert (known.laptop, known.jobs, known.tag) == ("", 0, "")
    assert known.taken == first_ids(twin.identity)[:1]
    assert known.namesake == "0042"
    unlike = await ledger.known(sight("02:00:00:00:00:01", serial="PF77AB2"))
    assert unlike == KnownToLedger(weighed=True)
    other_serial = await ledger.known(sight(CARD, disks=(DISK,), serial="PF77AB2"))
    assert (other_serial.laptop, other_serial.namesake) == ("", ""), "its serial number is another: no twin, no repair"


async def test_cards_that_go_from_hand_to_hand_prove_nothing_to_the_ledger(ledger, make_row):
    dongle, dock = "00:e0:4c:68:01:02", "a4:ae:12:68:01:01"
    await ledger.record(make_row("one", 1, macs=[dongle, dock, CARD], dongles=[dongle]))
    await ledger.record(make_row("two", 1, macs=[dock, "d8:9e:f3:00:00:02"], tag="0043"))
    for seen in (sight(dongle), sight(dock), sight(dock, dongle, disks=(replace(DISK, serial="OTHER7"),))):
        assert (await ledger.known(seen)).laptop == ""
    assert (await ledger.known(sight(CARD, dongles=(CARD,)))).laptop == "", "it is a dongle now, whatever it was"
    assert (await ledger.known(sight(dongle, CARD))).laptop == "one"


async def test_a_machine_that_had_two_ids_is_no_twin_of_itself(ledger, make_row):
    """A lost journal gave it another, before ids were derived; the newest counts."""
    await ledger.record(make_row("older", 3, at="2025-11-18T19:04:05+00:00"))
    await ledger.record(make_row("newer", 1))
    known = await ledger.known(sight(CARD, disks=(DISK,)))
    assert (known.laptop, known.jobs, known.namesake) == ("newer", 1, "")


async def test_of_two_that_say_the_same_each_is_found_by_what_is_its_own(ledger, make_row):
    """A batch with one UUID and one serial number: the newest word on each is its own."""
    cards = [f"d8:9e:f3:00:01:{n:02x}" for n in range(40)]
    for n, card in enumerate(cards):
        disk = {"serial": f"S3Z9{n}K", "wwn": "", "size": 256060514304}
        await ledger.record(make_row(f"l{n}", 1 + n % 3, macs=[card], disk=disk, tag=f"1{n:03}"))
    for n, card in enumerate(cards):
        known = await ledger.known(sight(card))
        assert (known.laptop, known.jobs, known.tag) == (f"l{n}", 1 + n % 3, f"1{n:03}")
        assert known.namesake
    assert (await ledger.known(sight("02:00:00:00:00:09"))).namesake


async def test_what_is_lent_out_or_came_back_is_known_again(ledger, make_row):
    await ledger.record(make_row(attempt=2_000_001, kind="lending", state="lent", verdict="none", disk=None))
    assert (known := await ledger.known(sight(CARD))).lent
    assert (known.jobs, known.lendings) == (0, 1)
    back = {"kind": "lending", "state": "back", "verdict": "none", "disk": None}
    await ledger.record(make_row(attempt=2_000_002, at="2026-11-19T10:00:00+00:00", **back))
    known = await ledger.known(sight(CARD))
    assert (known.lent, known.came_back, known.lendings) == (False, True, 2)
    await ledger.record(make_row(attempt=1, at="2026-11-20T10:00:00+00:00"))
    assert not (await ledger.known(sight(CARD))).came_back


async def test_one_that_is_at_work_hears_of_its_own_rows_alone(ledger, make_row):
    await ledger.record(make_row("mine", 4))
    await ledger.record(make_row("twin", 7, macs=["d8:9e:f3:00:00:02"], disk={"serial": "S3Z8"}))
    known = await ledger.known(sight(CARD), "mine")
    assert (known.laptop, known.jobs, known.namesake, known.taken) == ("mine", 4, "", ())
    assert await ledger.known(sight(CARD), "another") == KnownToLedger(weighed=True)


async def test_what_is_taken_away_is_known_no_more(ledger, make_row):
    await ledger.record(make_row("old", 1))
    await ledger.record(make_row("kept", 1, macs=["d8:9e:f3:00:00:02"], disk={"serial": "S3Z8"}, serial="X1Y2Z3K"))
    assert await ledger.ids(CARD.upper()) == ["old"]
    assert await ledger.prune({"done": "2027-01-01T00:00:00+00:00"}) == 2
    assert await ledger.known(sight(CARD, disks=(DISK,))) == KnownToLedger(weighed=True)
    await ledger.record(make_row("old", 2))
    await ledger.forget("old")
    assert await ledger.known(sight(CARD, disks=(DISK,))) == KnownToLedger(weighed=True)
    assert await ledger.ids(CARD) == []


async def test_a_laptop_is_found_by_any_of_its_names_in_any_letters_and_no_longer_by_one_that_went(ledger, make_row):
    await ledger.record(make_row(tag="DM-1", macs=["d8:9e:f3:00:00:01", "02:00:00:00:00:0a"]))
    await ledger.record(make_row("other", tag="dm-1", serial="STRASSE", macs=["02:00:00:00:00:0b"]))
    assert [await ledger.ids(name) for name in ("02:00:00:00:00:0A", "D8:9E:F3:00:00:01", "b5to023")] == [
        ["a1b2c3d4"], ["a1b2c3d4"], ["a1b2c3d4"],
    ]  # fmt: skip
    assert (await ledger.ids("dm-1"), await ledger.ids("Dm-1")) == (["other"], ["a1b2c3d4", "other"])
    assert (await ledger.ids("straße"), await ledger.ids("02:00:00:00:00"), await ledger.ids("%")) == (
        ["other"],
        [],
        [],
    )
    await ledger.record(make_row(tag="DM-2", macs=["d8:9e:f3:00:00:01"]))  # a typing error was put right, a dock left
    assert [await ledger.ids(name) for name in ("02:00:00:00:00:0a", "Dm-1", "dm-2")] == [[], ["other"], ["a1b2c3d4"]]
    await ledger.forget("a1b2c3d4")
    assert await ledger.ids("D8:9E:F3:00:00:01") == []
    await ledger.prune({"done": "2999"})
    assert await ledger.ids("strasse") == []
