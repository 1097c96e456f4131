"""A change has one place: what is described once is held by all that is made from it, and the recipes are true."""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, get_args

import pytest

from cloned.config_file import parse
from cloned.core import erase_events, events, ledger_events
from cloned.core.disks import Disk
from cloned.core.hello import facts
from cloned.core.ids import Identity, LaptopId
from cloned.core.laptop import Facts, Laptop, State
from cloned.core.ledger import NOT_RECORDED, ledger_row
from cloned.core.reasons import Reason
from cloned.core.refusals import Refused
from cloned.core.settings import Settings
from cloned.core.shown import ShownLaptop
from cloned.core.words import Worded, worded
from cloned.inventory import rows
from tests.unit.core.test_hello import EVERYTHING

ROOT = Path(__file__).parents[2]
NOT_SHOWN = {
    "identity": "its parts are",
    "hardware": "for papers and inventories",
    "clock": "told where it is wrong",
    "keys": "told where they refuse",
}


@cache
def code_but(*left_out: str) -> str:
    """All of our code but these files, as one text."""
    paths = (path for path in (ROOT / "cloned").rglob("*.py") if path.name not in left_out)
    return "\n".join(path.read_text() for path in paths)


def test_every_reason_is_reachable() -> None:
    """The core names the member; an agent gives its code as the text of an error."""
    code = code_but("reasons.py")
    named, by_agent = set(re.findall(r"Reason\.(\w+)", code)), set(re.findall(r'AgentError\("([\w-]+)"', code))
    errors = set(re.findall(r'"([\w-]*-error)"', code)) | {f"disk-{doing}-error" for doing in ("read", "write")}
    assert "disk-{doing}-error" in code
    assert [each for each in Reason if each.name not in named and each not in by_agent | errors] == []


def test_every_refusal_is_reachable() -> None:
    named = set(re.findall(r"Refused\.(\w+)", code_but("refusals.py")))
    assert [each for each in Refused if each.name not in named] == []


@pytest.mark.parametrize("kind", [Reason, Refused])
def test_codes_are_words_of_their_own_and_have_a_sentence(kind: type[Worded]) -> None:
    assert len({str(each) for each in kind}) == len(list(kind))
    for each in kind:
        assert re.fullmatch("[a-z]+(-[a-z]+)*", each), each
        assert each.sentence
        assert not each.sentence.endswith(".")
        assert "{" not in worded(each.sentence, {})


def test_every_fact_is_shown_and_recorded_or_named_here() -> None:
    """What a hello says of a laptop: in the state, in the snapshot, and in its row of the ledger."""
    names, shown = {each.name for each in fields(Facts)}, {each.name for each in fields(ShownLaptop)}
    row = row_of_a_laptop()
    assert names - shown == NOT_SHOWN.keys() & names
    assert names - row.keys() == NOT_RECORDED[Facts].keys() - {"dongles"}  # in a row where there are any
    assert {each.name for each in fields(Identity)} <= row.keys() & shown
    assert {each.name for each in fields(Disk)} - row["disk"].keys() == NOT_RECORDED[Disk].keys()


def test_every_fact_of_a_row_arrives_in_the_ledger() -> None:
    """rows.py keeps what it names and drops the rest: a fact that it does not know would be lost without a word."""
    row = row_of_a_laptop()
    kept = rows.clean(row)
    assert kept.dropped == ()
    assert row["disk"].keys() == kept.data["disk"].keys()
    assert [name for name, value in row.items() if value and not kept.data.get(name)] == []


def row_of_a_laptop() -> dict[str, Any]:
    """Of one that says all that can be said: what is empty is left out of a row without a word."""
    told = facts(EVERYTHING)
    [disk] = told.disks
    laptop = Laptop(LaptopId("l1"), 1, told, State.DONE, 0.0, 0.0)
    return ledger_row(replace(laptop, goal=replace(laptop.goal, onto=disk)), 1.0)


def test_every_event_is_journalled_and_somebody_submits_it() -> None:
    """mypy says where the reducer lacks one (assert_never); what nobody makes would be a dead arm there."""
    known = get_args(events.Event)
    rooms = (events, erase_events, ledger_events)
    made = [each for room in rooms for each in vars(room).values() if getattr(each, "__module__", "") == room.__name__]
    assert set(known) == {
        each for each in made if is_dataclass(each) and "kind" in {field.name for field in fields(each)}
    }
    assert len({each.kind for each in known}) == len(known)
    called = set(re.findall(r"\b(\w+)\(", code_but("events.py", "erase_events.py", "ledger_events.py")))
    assert {each.__name__ for each in known} - called == set()


CONFIGURED = """
sessions = { confirm = "auto", image = "school", confirmation_hours = 3, then = "reboot", gather_seconds = 7 }
images = { rule = [{ image = "school", vendor = "Dell*" }] }
tags = { pattern = "DM-{site}-{seq:04}", site = "M", given = "auto", unique_tail = 3 }
finish = { hostname = "pc-{tag}" }
inventory = { required = true, organisations = ["Sharing Point"] }
erase = { before_cloning = "always", level = "purge", verify = "all", by = "volunteer", second = true }
triage = { shipped = false, rule = [{ name = "old", do = "parts", generation_below = 4 }] }
tests = { unattended = ["wifi"], layout = "us" }
"""
NOT_CONFIGURED = {
    "linger_seconds": "nobody has asked for another", "stream_mbps": "as that", "judging": "the version's, not a person's",
    "inventories": "follows from the sinks (inventory/service.py)", "number_seconds": "as that",
}  # fmt: skip


def test_every_setting_that_decisions_depend_on_comes_from_the_configuration() -> None:
    made, usual = parse(CONFIGURED).settings(), Settings()
    same = {each.name for each in fields(Settings) if getattr(made, each.name) == getattr(usual, each.name)}
    assert same == NOT_CONFIGURED.keys()


def test_a_hello_that_says_nothing_gives_every_fact_its_default() -> None:
    assert facts({}) == Facts(Identity())


def recipes() -> dict[str, list[str]]:
    """What CONTRIBUTING says must be touched for what, each `path` in backquotes with a slash or a known ending."""
    text = (ROOT / "CONTRIBUTING.md").read_text()
    part = text[text.index("## How to add") : text.index("## Which test goes where")]
    found = re.findall(r"^- \*\*an? (\w+)\*\*(.*?)(?=^- \*\*|\Z)", part, re.S | re.M)
    return {name: re.findall(r"`([\w./-]+\.(?:py|html|toml|example|md)|[\w/-]+/)`", words) for name, words in found}


MOST = {"sink": 5, "fault": 4, "fact": 6, "command": 4, "page": 5, "reason": 3, "setting": 4, "event": 4}


@pytest.mark.parametrize("what", MOST)
def test_a_recipe_names_every_place_and_not_too_many(what: str) -> None:
    named = list(dict.fromkeys(recipes()[what]))
    assert 0 < len(named) <= MOST[what], named
    for path in named:
        assert (ROOT / path).exists() or (ROOT / "cloned" / path).exists(), path
