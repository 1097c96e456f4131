"""The page against what the core really gives."""

from dataclasses import fields, replace
from typing import Any, get_type_hints

import pytest

from cloned.core import answer_data, row_types
from cloned.core.disks import Disk
from cloned.core.events import ImageInfo
from cloned.core.ids import Identity
from cloned.core.laptop import (
    Attachment,
    CaptureWish,
    CloneJob,
    Confirmation,
    Contact,
    Difference,
    Facts,
    Goal,
    Laptop,
    State,
    VerdictKind,
    transition,
)
from cloned.core.reasons import Reason
from cloned.core.session import Session
from cloned.core.shown import LaptopBrief, ShownLaptop, ShownSession
from cloned.core.snapshot import snapshot
from cloned.core.warnings import Warn
from cloned.core.workshop import Batch, Workshop
from cloned.status import schema
from cloned.status.api import parts
from cloned.status.openapi import document
from cloned.status.pages import STATE_WORDS, Pages
from cloned.status.schema import plain
from tests.unit.status import workshops
from tests.unit.status.fakes import FakeRecords, FakeWorkshop
from tests.unit.status.laptops import mac

NOW = 1_795_000_000.0
NOT_SENT = {
    "accepted": "as what `undecided` lacks",
    "asked_at": "each answer has its own time",
    "away": "its history says so",
    "card": "its history says so, and a warning",
    "trials": "as `tests`",
    "trials_wanted": "as `tests_wanted`",
    "given_grade": "`grade`, where it is not empty",
    "given_why": "as `grade_why`",
    "keys": "told where they refuse",
    "clock": "told where it is wrong",
    "recalled": "settled as soon as its agent speaks",
    "namesake": "told among the doubts",
    "perhaps": "told as the reason why it asks",
    "unweighed": "its results wait, as the ledger's being away is told",
    "cards": "those of its last hello, to weigh it by",
    "identity": "its parts are sent one by one",
    "detail": "part of `why`",
    "confirmation": "among the snapshot's confirmations",
    "capture_disk": "an agent's business",
    "hardware": "for papers and inventories, in the ledger",
    "given_up": "its row is in the ledger",
    "lendings": "how many there were: in the ledger",
    "erasures": "how many there were: in the ledger",
    "erase_first": "a batch's wish, in its erasure once that begins",
    "onto": "the confirmed disk as it was then; `disk` is as it is now",
    "came_by": "a card of its own firmware, for the confirmation alone",
    "cloned_by": "a card of its own firmware, for the confirmation alone",
    "bytes": "in the ledger",
    "job_open": "ours alone",
    "written": "ours alone",
    "hellos": "ours alone",
    "last_hello": "ours alone",
    "booted_at": "ours alone",
}
JOB_SAYS = {"number": "job", "rounds": "attempts", "open": "job_open"}
CAPTURE_SAYS = {"image": "capture", "disk": "capture_disk"}
SESSION_NOT_SENT = {
    "stream", "opened", "members", "first_ready", "last_verdict", "idle_since", "streams", "joined", "go",
    "receivers", "sent", "broke_off",
}  # fmt: skip


def laptop(number, state):
    disk = Disk("/dev/nvme0n1", 256 * 10**9, serial=f"S{number}", model="SAMSUNG", transport="nvme")
    fresh = Laptop(
        f"id{number}",
        number,
        Facts(Identity(serial=f"B{number}", product="Latitude 5490", macs=(mac(number),)), disks=(disk,)),
        State.ASKING,
        NOW,
        NOW,
        session="5e55",
        goal=Goal(disk=disk.key, image="school", confirmation=Confirmation(disk.key, "school", "9f", "page", NOW + 60)),
        job=CloneJob(
            verdict=VerdictKind.DIFFERS,
            differs=(Difference("nvme0n1p2", 0, 4194303, 1),),
            steps=(("grow", "done", ""),),
        ),
    )
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
    house = {"workshop": "Workshop", "switches": (), "warnings": (Warn("x", "t", "h"),)}
    return plain(replace(snapshot(workshop, progress, NOW + 2), **house))


def undescribed(sent, schema, definitions, where=""):
    """What is sent and stands nowhere in the document."""
    schema = definitions[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    if "anyOf" in schema:
        found = [undescribed(sent, each, definitions, where) for each in schema["anyOf"]]
        return min(found, key=len)
    if isinstance(sent, list):
        inner = schema.get("items")
        return [words for each in sent for words in undescribed(each, inner or {}, definitions, f"{where}[]")]
    if not isinstance(sent, dict) or schema.get("additionalProperties") not in (False, None):
        return []
    known = schema.get("properties") or {}
    missing = [f"{where}.{name}" for name in sent if name not in known]
    return missing + [
        words for name in sent if name in known
        for words in undescribed(sent[name], known[name], definitions, f"{where}.{name}")
    ]  # fmt: skip


def test_every_field_that_is_sent_is_documented(real):
    definitions = document()["components"]["schemas"]
    assert undescribed(real, definitions["Snapshot"], definitions) == []
    assert undescribed(real | {"x": 1}, definitions["Snapshot"], definitions) == [".x"]
    real["laptops"][3]["disks"][0]["colour"] = "grey"
    assert undescribed(real, definitions["Snapshot"], definitions) == [".laptops[].disks[].colour"]


def test_what_is_documented_is_sent(real):
    for name, sent in (("Snapshot", real), ("ShownLaptop", real["laptops"][0]), ("ShownSession", real["sessions"][0])):
        assert sent.keys() == document()["components"]["schemas"][name]["properties"].keys()


def known_of_a_laptop():
    """The names of all that stands in a laptop and its parts, as the API calls them."""
    whole = {field.name for field in fields(Laptop)} - {"facts", "contact", "link", "goal", "job", "capture"}
    parts = {field.name for part in (Facts, Contact, Attachment, Goal) for field in fields(part)}
    job = {JOB_SAYS.get(field.name, field.name) for field in fields(CloneJob)}
    return whole | parts | job | {CAPTURE_SAYS[field.name] for field in fields(CaptureWish)}


def test_everything_known_of_a_laptop_is_sent_or_named_here():
    shown = {field.name for field in fields(ShownLaptop)}
    assert known_of_a_laptop() - shown == NOT_SENT.keys()
    assert {field.name for field in fields(Session)} - {
        field.name for field in fields(ShownSession)
    } == SESSION_NOT_SENT


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
    assert found.keys() == (real.keys() - {"laptops", "now", "loop_lag", "loop_held", "loop_busy"}) | {
        f"laptop/{each['id']}" for each in real["laptops"]
    }
    assert found["laptop/id4"].keys() == {field.name for field in fields(LaptopBrief)}


def test_every_bound_of_the_document_is_one_that_readers_know() -> None:
    """A bound on a union is written as `ge` and `lt`, which JSON Schema has not: who reads the document misses it."""

    def keys(told: object) -> set[str]:
        if isinstance(told, dict):
            return set(told) | {key for value in told.values() for key in keys(value)}
        return {key for value in told for key in keys(value)} if isinstance(told, list) else set()

    assert not {"ge", "gt", "le", "lt", "min_length", "max_length"} & keys(document())


@pytest.mark.parametrize(
    ("shape", "sent"),
    [
        (schema.SinkState, row_types.SinkStatus),
        (schema.DeadResult, row_types.DeadLetter),
        (schema.BootAsked, answer_data.BootAskedData),
        (schema.Inventory, {*row_types.LedgerTotals.__annotations__, "sinks"}),
    ],
)
def test_what_is_sent_of_inventories_and_of_the_boot_is_documented(shape: Any, sent: Any) -> None:
    assert shape.model_fields.keys() == (sent if isinstance(sent, set) else get_type_hints(sent).keys())
    assert shape.model_config["extra"] == "forbid"
