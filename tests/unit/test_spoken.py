"""Nothing that people read is left in English: each is drawn in a language that puts every message between brackets."""

import json
import re
from html.parser import HTMLParser

import click
import pytest

from cloned.agent import erase_screen, hardware, screen, spoken
from cloned.cli.main import cloned as command_line
from cloned.cli.spoken import translated
from cloned.config_boot import BootSettings, Model
from cloned.core.boot import BootAnswer, BootRequest
from cloned.languages import CLOSING, OPENING, bracketed
from cloned.netboot import menus
from cloned.status.pages import Pages
from tests.unit.status import workshops
from tests.unit.status.fakes import FakeRecords, FakeWorkshop

READ = (
    "title",
    "aria-label",
    "alt",
    "placeholder",
    "data-title",
    "data-text",
    "data-yes",
    "data-offline",
    "data-failed",
)
"""Attributes that people read or hear."""
MONTHS = "jan feb mar apr may jun jul aug sep sept oct nov dec"
NAMES = frozenset(f"{MONTHS} bios uefi uuid mac mbit pdf usb smart nvme emmc sata ssd wwn fr nl en gib".split())
"""The same in every language."""


class Texts(HTMLParser):
    """Everything on a page that people read."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.found += [value or "" for name, value in attrs if name in READ]

    def handle_data(self, data):
        self.found.append(data)


def outside(text: str) -> str:
    """What stands outside all brackets."""
    depth, kept = 0, []
    for char in text:
        depth += (char == OPENING) - (char == CLOSING)
        if depth == 0 and char != CLOSING:
            kept.append(char)
        elif char == OPENING:
            kept.append(" ")
    return "".join(kept)


def english(texts, data) -> set[str]:
    """Words outside brackets that no laptop told."""
    return words_outside(texts) - words_of(data) - NAMES


def words_of(data) -> set[str]:
    """What somebody told."""
    return {word.lower() for word in re.findall(r"[^\W\d_]{3,}", json.dumps(data, ensure_ascii=False, default=str))}


def words_outside(texts) -> set[str]:
    return {word.lower() for text in texts for word in re.findall(r"[^\W\d_]{3,}", outside(text))}


def read(html: str) -> list[str]:
    texts = Texts()
    texts.feed(html)
    return texts.found


@pytest.mark.parametrize("make", [workshops.busy, workshops.empty, workshops.no_switch, workshops.crowded])
async def test_no_word_of_the_wall_is_untranslated(make):
    drawn = (await Pages(FakeWorkshop(make()), FakeRecords()).wall(bracketed())).everything()
    assert (
        english([text for name, part in drawn.items() if name != "version" for text in read(str(part))], make())
        == set()
    )


async def test_no_word_of_a_laptops_page_is_untranslated():
    workshop = FakeWorkshop()
    pages = Pages(workshop, FakeRecords(), lambda mac: [{"at": 1.0, "asked": "DHCP", "got": mac, "why": ""}])
    told, brackets = words_of([workshops.busy(), "DHCP"]), bracketed()  # one language: templates are compiled once
    for laptop in workshop.state["laptops"]:
        html = (await pages.laptop(laptop["id"], brackets)).parts["laptop"]
        assert words_outside(read(html)) - told - NAMES == set()


async def test_a_word_that_nobody_translated_is_found():
    assert english(read(f'<p title="Oops">{OPENING}Disk{CLOSING} Forgotten</p>'), {}) == {"oops", "forgotten"}
    assert english([f"{OPENING}one {OPENING}two{CLOSING} three{CLOSING}"], {}) == set()


@pytest.fixture
def bracketed_laptop(monkeypatch):
    """A laptop whose server packed brackets."""

    class Brackets(dict):
        def get(self, message, otherwise=""):
            return bracketed().say(message) if message else otherwise

    monkeypatch.setattr(spoken, "_PACKED", Brackets())


REPORT = {"state": "receiving", "bytes": 5, "total": 10, "rate": 2e6, "round": 2}
DISK = {"model": "Crucial", "serial": "S1", "size": 256e9, "words": "overwritten once with zeros", "seconds": 60}


@pytest.mark.parametrize("state", [*screen._STATES, "nothing"])
def test_no_word_of_a_laptops_screen_is_untranslated(state, bracketed_laptop):
    order = {"image": "school", "tag": "DM-1x", "offer": {"image": "school", "disk": DISK}, "screen": []}
    order["erase_offer"] = {"level": "clear", "disks": [DISK]}
    report = {**REPORT, "state": state, "disks": [{"name": "Crucial S1", "done": 0.5, "words": "erasing"}]}
    report["reason"] = {"code": "no-memory", "detail": "the agent ran out of memory"}
    lines = screen.compose(order, report, silent="yes")
    assert english([" ".join(lines)], [order, "MB GB"]) == set()
    assert english(erase_screen.lines(report), report) == set()


def test_no_word_of_the_hardware_screen_is_untranslated(bracketed_laptop):
    disk = {"path": "/dev/sda", "size": 1e9, "transport": "sata", "rotational": True, "model": "", "serial": ""}
    disk |= {"why_not": "removable", "smart": {"verdict": "failing", "reallocated": 3}}
    card = {"name": "eth0", "mac": "aa", "speed_mbps": None, "driver": "e1000e"}
    found = {
        "vendor": "",
        "product": "",
        "serial": "",
        "uuid": "",
        "firmware": "uefi",
        "bios": "",
        "cpu": "",
        "cores": 4,
    }
    found |= {"memory": 2**33, "batteries": [("BAT0", 80)], "disks": [disk], "nics": [card], "memtest": []}
    lines = hardware.compose(found)
    assert english([" ".join(lines)], [found, "GiB", "sda"]) == set()


@pytest.mark.parametrize("via", ["ipxe", "grub"])
def test_no_word_of_a_boot_menu_is_untranslated(via, monkeypatch):
    monkeypatch.setattr(menus, "language", lambda code: bracketed())
    monkeypatch.setattr(menus, "say", lambda text, most=100: text)
    drawn = menus.Menus(BootSettings())
    request = BootRequest("52:54:00:00:00:01", "10.0.0.1", vendor="Dell", product="Latitude", serial="B5", via=via)
    answer = BootAnswer("menu", "token", "It is at its boot menu", tag="DM-1")
    script = drawn.menu("10.0.0.9:80", request, answer, Model())
    said = [line for line in script.splitlines() if line.startswith(("item", "menu ", "menuentry", "  echo", "echo"))]
    texts = [
        re.sub(r"^(item (--gap --|--key \d \w+)|menuentry|menu|\s*echo)|--(id|hotkey) \w+", "", line) for line in said
    ]
    assert len(texts) > 4
    assert english(texts, [vars(request), "prompt"]) == set()


def _commands(group, path=()):
    context = click.Context(group)
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        yield (*path, name), found
        if isinstance(found, click.Group):
            yield from _commands(found, (*path, name))


def test_no_help_of_a_command_is_untranslated(monkeypatch):
    monkeypatch.setattr("cloned.cli.common.of_environment", bracketed)
    monkeypatch.setattr("cloned.cli.spoken.of_environment", bracketed)
    for path, command in _commands(command_line):
        if path[0] == "lab":
            continue
        translated(command, bracketed())
        helps = [command.help or "", *(each.help or "" for each in command.params if isinstance(each, click.Option))]
        for text in filter(None, helps):
            assert OPENING in text, (path, text)
