"""The page against what the core really gives."""

import pytest

from cloned.core.events import ImageInfo
from cloned.core.ids import Identity
from cloned.core.laptop import Confirmation, Difference, Disk, Laptop, State, VerdictKind, transition
from cloned.core.reasons import Reason
from cloned.core.session import Session
from cloned.core.snapshot import snapshot
from cloned.core.workshop import Batch, Workshop
from cloned.status import schema
from cloned.status.api import parts
from cloned.status.pages import STATE_WORDS, Pages
from tests.unit.status import workshops
from tests.unit.status.workshops import FakeRecords, FakeWorkshop

NOW = 1_795_000_000.0


def laptop(number, state):
    disk = Disk("/dev/nvme0n1", 256 * 10**9, serial=f"S{number}", model="SAMSUNG", transport="nvme")
    fresh = Laptop(
        f"id{number}", number, Identity(serial=f"B{number}", product="Latitude 5490", macs=(workshops.mac(number),)),
        State.ASKING, NOW, NOW, disks=(disk,), disk=disk.key, image="school", session="5e55",
        confirmation=Confirmation(disk.key, "school", "9f", "page", NOW + 60), verdict=VerdictKind.DIFFERS,
        differs=(Difference("nvme0n1p2", 0, 4194303, 1),), steps=(("grow", "done", ""),),
    )  # fmt: skip
    return transition(fresh, state, NOW + 1, reason=Reason.NOT_CONFIRMED)


@pytest.fixture
def real():
    laptops = {each.id: each for each in (laptop(number, state) for number, state in enumerate(State, 1))}
    workshop = Workshop(
        laptops=laptops, images={"school": ImageInfo("school", "9f", 10**9, 2 * 10**9)}, places=24, paused=True,
        sessions={"5e55": Session("5e55", 1, "school", "9f", "aa", NOW, tuple(laptops))}, holds={"school": NOW + 60},
        batches={"b": Batch("b", "*", "Latitude 5490", "school", "9f", "page", NOW, NOW + 60)},
    )  # fmt: skip
    progress = {"id4": {"bytes": 5, "total": 10, "rate": 1.0, "left_seconds": 5.0, "held_by": "disk"}}
    house = {"workshop": "Workshop", "switches": [], "warnings": [{"code": "x", "text": "t", "hint": "h"}]}
    return snapshot(workshop, progress, NOW + 2) | house


def test_the_document_describes_what_the_core_gives(real):
    assert [each.state for each in schema.Snapshot.model_validate(real, strict=True).laptops] == list(State)


def test_the_workshops_of_these_tests_are_as_the_core_gives_them(real):
    made = workshops.busy()
    assert made.keys() >= real.keys() - {"holds"}
    for name in ("laptops", "sessions", "batches"):
        assert real[name][0].keys() >= made[name][0].keys(), name
    assert real["laptops"][0]["disks"][0].keys() == made["laptops"][0]["disks"][0].keys()
    assert real["capacity"].keys() == made["capacity"].keys()


async def test_the_page_draws_what_the_core_gives(real):
    pages = Pages(FakeWorkshop(real), FakeRecords())
    drawn = (await pages.wall()).everything()
    assert all(word in drawn["floor"] for word in STATE_WORDS.values())
    for each in real["laptops"]:
        assert each["serial"] in (await pages.laptop(each["id"])).parts["laptop"]


def test_every_state_has_its_word():
    assert STATE_WORDS.keys() == {str(state) for state in State}


def test_events_leave_out_what_only_grows_or_ticks(real):
    found = parts(real).parts
    assert found.keys() == (real.keys() - {"laptops", "now"}) | {f"laptop/{each['id']}" for each in real["laptops"]}
    schema.LaptopBrief.model_validate(found["laptop/id4"], strict=True)
