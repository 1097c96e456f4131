"""Nothing that people read is left in English: each is drawn in a language that puts every message between brackets."""

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser

import click
import pytest

from cloned import guide
from cloned.agent import erase_screen, hardware, screen, spoken
from cloned.agent.client import DaemonRefused, _refusal
from cloned.cli.main import cloned as command_line
from cloned.cli.main import main
from cloned.cli.spoken import PLACES, prepare, translated
from cloned.config_boot import BootSettings, Model
from cloned.config_file import parse
from cloned.core.boot import BootAnswer, BootRequest
from cloned.core.finishing import VALUES
from cloned.core.happened import actor
from cloned.core.reasons import Reason
from cloned.core.triage_shipped import SHIPPED
from cloned.core.warnings import Warn
from cloned.destinations import KINDS
from cloned.errors import UsageError
from cloned.languages import CLOSING, OPENING, bracketed, catalogue, language
from cloned.netboot import menus
from cloned.saying import Phrase
from cloned.saying import spoken as spoken_error
from cloned.status.api import RECORDS, WORKSHOP
from cloned.status.pages import Pages
from cloned.status.work import FLOW, HOUSE, WORK
from cloned.wire import refuse
from tests.unit.status import workshops
from tests.unit.status.fakes import FakeRecords, FakeWorkshop
from tests.unit.status.houses import FakeHouse, flow

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
    """What somebody told: of sentences only the values that stand in them."""
    told = json.dumps(_without_sentences(data), ensure_ascii=False, default=str)
    return {word.lower() for word in re.findall(r"[^\W\d_]{3,}", told)}


def _without_sentences(data):
    if isinstance(data, Phrase):
        return [_without_sentences(value) for value in data.values.values()]
    if isinstance(data, dict):
        return {key: _without_sentences(value) for key, value in data.items()}
    return [_without_sentences(each) for each in data] if isinstance(data, list | tuple) else data


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


@pytest.mark.parametrize("make", [workshops.busy, workshops.empty, workshops.no_switch, workshops.crowded])
async def test_no_word_of_a_page_of_work_is_untranslated(make):
    workshop, records, house = FakeWorkshop(make()), FakeRecords(), FakeHouse()
    app = {WORKSHOP: workshop, RECORDS: records, HOUSE: house, FLOW: flow()}
    pages, names = Pages(workshop, records), "snipe-it printer page room files xlsx cloned image import DIRECTORY"
    known = words_of([make(), house.rules(), house.settings(), await house.prints(), await records.rows(), names])
    for name, page in WORK.items():
        html = pages.part(name, await page.gather(app, {}), bracketed()).parts["work"]
        assert (name, words_outside(read(html)) - known - NAMES) == (name, set())


def test_no_word_of_a_page_of_help_is_untranslated():
    pages = Pages(FakeWorkshop(), FakeRecords())
    for reason in Reason:
        known = {"reason": reason, "picture": guide.picture(reason), "steps": guide.steps(reason)}
        assert words_outside(read(pages.part("failure", known, bracketed()).parts["work"])) == set()


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


@pytest.fixture
def own_commands() -> Iterator[None]:
    """Commands that a test may translate: they are one tree for the process, and the next test reads it too."""
    tree = [command for _, command in _commands(command_line)]
    kept = [(each, dict(vars(each))) for command in (command_line, *tree) for each in (command, *command.params)]
    yield
    for each, was in kept:
        vars(each).clear()
        vars(each).update(was)


SPEC = re.compile(r"[a-z-]+([:@][A-Z_]+)+")


def test_no_help_of_a_command_is_untranslated(monkeypatch, own_commands):
    monkeypatch.setattr("cloned.cli.common.of_environment", bracketed)
    monkeypatch.setattr("cloned.cli.spoken.of_environment", bracketed)
    for path, command in _commands(command_line):
        translated(command, bracketed())
        helps = [command.help or "", *(each.help or "" for each in command.params if isinstance(each, click.Option))]
        for text in filter(None, helps):
            typed = all(SPEC.fullmatch(each) for each in text.split(", "))  # what is to be typed, and no word
            assert typed or OPENING in text, (path, text)


def test_no_word_of_a_usage_is_english_in_dutch(own_commands):
    """What one types in a place's stead is said in the language; what stands there as it is to be typed is small."""
    words = language("nl")
    for path, command in _commands(command_line):
        for each in translated(command, words).params:
            shown = each.make_metavar(click.Context(command))
            english = set(PLACES) - {words.gettext(word) for word in PLACES}
            assert not english & set(re.findall("[A-Z]+", shown)), (path, shown)


WRONG_USAGE = (
    ["confirm"], ["nonsense"], ["confirm", "--foo"], ["laptops", "too", "much"], ["--log-format", "odd", "laptops"],
    ["grade"], ["serve", "--config"], ["serve", "--config", "/"], ["pause", "--json=3"], ["image", "verify"],
)  # fmt: skip


@pytest.mark.parametrize("arguments", WRONG_USAGE, ids=" ".join)
def test_no_word_of_clicks_own_is_untranslated(arguments, monkeypatch, capsys, own_commands):
    """click has its words from our catalogue as it lies in a checkout, where nothing is compiled."""
    for where in ("cloned.cli.common", "cloned.cli.spoken", "cloned.cli.main"):
        monkeypatch.setattr(f"{where}.of_environment" if "main" not in where else f"{where}.spoken", bracketed)
    monkeypatch.setattr("sys.argv", ["cloned"])
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    monkeypatch.undo()
    prepare(command_line)
    said = capsys.readouterr().err
    names = (
        "[OPTIONS] COMMAND [ARGS] cloned LAPTOP NUMBER GRADE config FILE log-format auto text json journal help name"
    )
    told = words_of([arguments, names])
    assert ended.value.code == 2
    assert words_outside([said]) - told == set()


CONFIGURATIONS = (
    "[page]\nport = 99999\n", "[page]\nport = 'x'\n", "[page]\nport = 1.5\n", "[page]\nfoo = 1\n", "[page]\nurl = 'x'\n",
    "[page]\nhosts = 'x'\n", "[page]\naddress = 'x'\n", "[page]\ncertificate = '/x'\n", "[page]\ntokens = {a = 'x'}\n",
    "[sessions]\nconfirm = 'odd'\n", "[sessions]\nconfirmation_hours = -1\n", "[erase]\nsecond = 3\n",
    "[workshop]\nname = 7\n", "[workshop]\nstate = []\n", '[workshop]\nname = "\\u0007"\n',
    "[tags]\ngiven = 'auto'\n", "[tags]\npattern = '{site}{seq}'\n", "[tags]\npattern = 'x'\n",
    "[finish]\nhostname = 'x'\n", "[finish]\nhostname = '{tag}{x}'\n", "[deliveries]\nco2_kg = 3\n",
    "[ledger]\nurl = 'x'\n", "[[images.rule]]\nimage = 'a'\nmin_disk_gb = 9\nmax_disk_gb = 1\n",
    "[[dhcp.lease]]\ninterface = 'a'\nfirst = '10.0.0.9'\nlast = '10.0.0.1'\n", "[[dhcp.lease]]\nfirst = 'x'\n",
    "[[sink]]\nname = 'a'\ntype = 'webhook'\n", "[[sink]]\nname = 'a'\ntype = 'odd'\n", "[[sink]]\nname = 'a'\ntype = 'csv'\n",
    "[[sink]]\nname = 'a'\ntype = 'glpi'\nurl = 'x'\n", "[[triage.rule]]\nname = 'a'\n", "[triage]\nwithout = ['a']\n",
    "[[switch]]\naddress = '10.0.0.1'\ncommunity_file = '/nowhere'\n", "[page\n", "a", "a = [1", 'a = "x',
)  # fmt: skip


@pytest.mark.parametrize("text", CONFIGURATIONS)
def test_no_word_about_a_wrong_configuration_is_untranslated(text):
    with pytest.raises(UsageError) as caught:
        parse(text, "x.toml")
    said = [bracketed().say(caught.value.message), bracketed().say(caught.value.hint)]
    assert (
        words_outside(said)
        - words_of([text, "x.toml file type first last url token interface weight"])
        - {*words_of([*KINDS, *VALUES, *(rule.name for rule in SHIPPED), "ask auto _kg _source community nowhere"])}
        == set()
    )


def test_what_the_system_and_the_server_say_is_told_in_any_language():
    refused = DaemonRefused(409, *_refusal(json.loads(refuse(409, Phrase("the line is full"), "ask again").text), 409))
    told = UsageError(Phrase("{path} cannot be read: {error}", path="7", error=PermissionError(13, "x")), "ask again")
    for said in (
        str(refused),
        str(told),
        spoken_error(OSError(28, "x")),
        str(Warn("", "the line is full", "ask again")),
    ):
        assert words_outside([bracketed().say(said)]) == set(), said
    assert str(refused) == "the line is full (ask again)"
    assert _refusal({"error": "old words"}, 409) == ("old words", "")


def test_no_place_of_a_sentence_stands_empty_on_the_pages_of_help():
    pages = Pages(FakeWorkshop(), FakeRecords())
    known = {"reasons": list(Reason), "guide": guide.CHAPTERS, "kinds": guide.picture}
    drawn = [pages.part("help", known, language("nl")).parts["work"]]
    for reason in Reason:
        about = {"reason": reason, "picture": guide.picture(reason), "steps": guide.steps(reason)}
        drawn.append(pages.part("failure", about, language("fr")).parts["work"])
    assert not [text for html in drawn for text in read(html) if "{" in text]


@pytest.mark.parametrize("code", ["nl", "fr"])
def test_every_sign_of_a_boot_menus_words_has_letters_that_firmware_draws(code):
    """Firmware has no font for them: what vanishes would leave `N DM-1` of a number."""
    signs = {sign for message in catalogue(code) for sign in f"{message.string}" if not sign.isascii()}
    lost = {sign for sign in signs if not menus.say(sign) and not sign.isspace()}
    assert lost <= set("\u201c\u201d\u00ab\u00bb\u00a7")  # quotation marks and paragraphs say nothing
    assert menus.say(language(code).gettext("No. %(tag)s", tag="DM-1")) in ("Nr. DM-1", "No DM-1")


def test_who_acted_is_said_in_any_language():
    for by in ("page", "command line", "the pattern", "configuration (auto)", "the laptop's own keyboard"):
        assert language("nl").say(actor(by)) != by
