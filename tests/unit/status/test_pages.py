from urllib.parse import quote

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from jinja2 import Environment
from pydantic import TypeAdapter

from cloned.core.events import ImageInfo
from cloned.core.shown import ShownLaptop
from cloned.core.warnings import Warn
from cloned.errors import UsageError
from cloned.languages import CODES, language
from cloned.saying import Phrase
from cloned.status import pages, work
from cloned.status.api import WORKSHOP, described
from cloned.status.listing import listed
from cloned.status.pages import Pages
from cloned.status.papers import _day
from cloned.status.warmth import Warmth
from cloned.status.work import WORK
from cloned.switch.watch import SwitchReading
from tests.unit.status import workshops
from tests.unit.status.fakes import FakeRecords, FakeWorkshop


async def test_every_workshop_can_be_drawn():
    for make in (workshops.busy, workshops.empty, workshops.no_switch, workshops.crowded):
        parts = (await Pages(FakeWorkshop(make()), FakeRecords()).wall()).parts
        assert all(isinstance(part, str) for part in parts.values())


async def test_every_laptop_can_be_drawn():
    workshop = FakeWorkshop()
    drawn = Pages(workshop, FakeRecords(), lambda mac: [{"at": 1.0, "asked": "DHCP", "got": mac, "why": ""}])
    for laptop in workshop.state["laptops"]:
        html = (await drawn.laptop(laptop["id"])).parts["laptop"]
        assert laptop["serial"] in html
        assert laptop["boot_mac"] in html


async def test_a_laptop_that_is_not_there_is_said_so():
    assert "not on the screen" in (await Pages(FakeWorkshop(), FakeRecords()).laptop("nobody")).parts["laptop"]


async def test_what_hardware_says_of_itself_is_text_never_markup():
    evil = "<script>alert(1)</script>\"'`"
    snapshot = workshops.busy()
    for laptop in snapshot["laptops"]:
        laptop |= {"product": evil, "vendor": evil, "serial": evil, "tag": evil, "why": evil, "image": evil}
        for disk in laptop["disks"]:
            disk |= {"model": evil, "serial": evil}
    drawn = Pages(
        FakeWorkshop(snapshot),
        FakeRecords(),
        lambda mac: [{"at": 1.0, "asked": evil, "got": evil, "why": evil}],
    )
    parts = list((await drawn.wall()).parts.values()) + list((await drawn.laptop("00000007")).parts.values())
    assert not [part for part in parts if "<script" in part or "\"'`" in part]


async def test_the_wall_says_what_each_laptop_does_in_words():
    parts = (await Pages(FakeWorkshop(), FakeRecords()).wall()).parts
    for laptop in workshops.busy()["laptops"]:
        assert pages.STATE_WORDS[laptop["state"]] in parts[f"tile-{laptop['id']}"]


async def test_confirming_shows_disk_and_image_and_sends_both():
    html = (await Pages(FakeWorkshop(), FakeRecords()).wall()).parts["notices"]
    assert "SAMSUNG MZVLB256HAHQ, 256 GB, S3ZHNX0K0007 ← school-2026" in html.replace("\\u2190", "←")
    assert "&#34;disk&#34;: &#34;eui.0025385800000007&#34;" in html


async def test_a_batch_is_for_an_organisation_of_the_list_or_for_nobody_in_particular():
    snapshot = workshops.busy()
    without = (await Pages(FakeWorkshop(snapshot), FakeRecords()).wall()).parts["notices"]
    snapshot["organisations"] = ["School 7"]
    html = (await Pages(FakeWorkshop(snapshot), FakeRecords()).wall()).parts["notices"]
    assert "School 7" in html
    assert "nobody in particular" in html
    assert "nobody in particular" not in without


async def test_of_laptops_that_could_go_out_those_of_the_same_model_are_offered_first():
    snapshot = workshops.busy()
    laptops = snapshot["laptops"]
    for each in laptops:
        each |= {"state": "asking", "lent": False}
    back, other, like, out = laptops[:4]
    for each, product in ((back, "X"), (other, "Y"), (like, "X"), (out, "X")):
        each |= {"vendor": "Dell Inc.", "product": product, "state": "done", "tag": f"T-{each['number']}"}
    out["lent"] = True
    html = (await Pages(FakeWorkshop(snapshot), FakeRecords()).laptop(back["id"])).parts["laptop"]
    offered = html[html.index("which one goes out") :]
    assert 0 < offered.index(like["tag"]) < offered.index(other["tag"])
    assert out["tag"] not in offered[: offered.index("</button>")]


async def test_what_came_back_from_somebody_is_not_shown_as_merely_done():
    """The disk of one that came back holds what somebody left on it."""
    snapshot = workshops.busy()
    back = snapshot["laptops"][0]
    for came_back in (False, True):
        back |= {"state": "done", "lent": False, "came_back": came_back}
        html = (await Pages(FakeWorkshop(snapshot), FakeRecords()).laptop(back["id"])).parts["laptop"]
        assert ("back, not cloned since" in html) is came_back
        shown = listed(TypeAdapter(list[ShownLaptop]).validate_python(snapshot["laptops"]), {})
        drawn = Pages(FakeWorkshop(snapshot), FakeRecords()).painter(language("en"))
        page = drawn.draw("work/laptops.html", {"list": shown, "organisations": []})
        assert ("back, not cloned since" in page) is came_back


async def test_each_reader_gets_the_wall_in_his_language_and_the_daemon_has_one_picture_of_it():
    drawn = Pages(FakeWorkshop(), FakeRecords())
    dutch, french = (await drawn.wall(language("nl"))).parts, (await drawn.wall(language("fr"))).parts
    assert dutch.keys() == french.keys() == (await drawn.wall()).parts.keys()
    for laptop in workshops.busy()["laptops"]:
        for words, parts in ((language("nl"), dutch), (language("fr"), french)):
            assert words.gettext(pages.STATE_WORDS[laptop["state"]]) in parts[f"tile-{laptop['id']}"]


async def test_a_master_is_never_among_those_to_be_overwritten():
    snapshot = workshops.busy()
    asking = [laptop for laptop in snapshot["laptops"] if laptop["state"] == "asking"]
    asking[0] |= {"wants": "capture", "why": "It wants to be captured as a master"}
    drawn = Pages(FakeWorkshop(snapshot), FakeRecords())
    html = (await drawn.wall()).parts["notices"]
    assert "wants to be captured" in html
    assert "&#34;do&#34;: &#34;capture&#34;" in html
    assert f"&#34;target&#34;: &#34;{asking[0]['id']}&#34;, &#34;disk&#34;" not in html
    assert all(asking[0]["id"] not in line for line in html.splitlines() if "confirm" in line)
    assert "&#34;capture&#34;" in (await drawn.laptop(asking[0]["id"])).parts["laptop"]
    asking[0] |= {"capture": "master"}
    assert "&#34;capture&#34;" not in (await drawn.laptop(asking[0]["id"])).parts["laptop"]


async def test_an_erasure_chosen_in_the_boot_menu_leads_to_its_page_and_to_nothing_else():
    snapshot = workshops.busy()
    [laptop, *_] = [each for each in snapshot["laptops"] if each["state"] == "asking"]
    laptop |= {"wants": "erase", "why": "Erasing it was chosen in its boot menu"}
    html = (await Pages(FakeWorkshop(snapshot), FakeRecords()).wall()).parts["notices"]
    assert "Erasing it was chosen" in html
    assert f'<a class="button" href="/laptops/{laptop["id"]}">Erase</a>' in html
    assert f"&#34;target&#34;: &#34;{laptop['id']}&#34;" not in html


async def test_before_an_erasure_is_confirmed_method_level_and_minutes_of_each_disk_are_said():
    snapshot = workshops.busy()
    [laptop, *_] = [each for each in snapshot["laptops"] if each["state"] == "asking"]
    disk = {
        "key": "S1",
        "path": "/dev/sda",
        "serial": "S1",
        "wwn": "",
        "model": "Old",
        "size": 10**12,
        "built_in": True,
    }
    would = {
        "clear": {"technique": "overwritten once with zeros", "level": "clear", "minutes": 95, "why_not": ""},
        "purge": {"technique": "", "level": "", "minutes": 0, "why_not": "it has no SANITIZE"},
    }
    laptop["media"] = [disk | {"bus": "sata", "barred": "", "would": would}]
    html = (await Pages(FakeWorkshop(snapshot), FakeRecords()).laptop(laptop["id"])).parts["laptop"]
    said = "Clear: overwritten once with zeros, about 95 min; Purge: cannot be had (it has no SANITIZE)"
    assert f"Old, 1 TB, S1: {said}" in html


async def test_what_an_erasure_does_not_free_is_said_as_far_as_it_was_seen():
    snapshot = workshops.busy()
    [laptop, *_] = [each for each in snapshot["laptops"] if each["state"] == "done"]
    laptop |= {
        "erasure": {"result": "erased", "level": "clear", "spent": False, "disks": []},
        "locks": ["firmware-password"],
    }
    drawn = Pages(FakeWorkshop(snapshot), FakeRecords())
    assert "a firmware password is set" in (await drawn.laptop(laptop["id"])).parts["laptop"]
    assert (
        "er is een firmwarewachtwoord ingesteld" in (await drawn.laptop(laptop["id"], language("nl"))).parts["laptop"]
    )
    laptop["locks"] = []
    assert "Autopilot cannot be seen" in (await drawn.laptop(laptop["id"])).parts["laptop"]


@pytest.mark.parametrize(
    ("code", "screen", "words"),
    [
        ("en", {"width": 1920, "height": 1080, "inches": 14.0}, "<dt>Screen</dt><dd>1920 x 1080, 14 inch</dd>"),
        ("nl", {"width": 1366, "height": 768, "inches": 15.6}, "<dt>Scherm</dt><dd>1366 x 768, 15,6 inch</dd>"),
        ("fr", {"width": 1366, "height": 768, "inches": 0.0}, "<dt>Écran</dt><dd>1366 x 768</dd>"),
    ],
)
async def test_the_built_in_screen_stands_on_the_page_where_it_is_told(code, screen, words):
    snapshot = workshops.busy()
    laptop = snapshot["laptops"][0]
    drawn = Pages(FakeWorkshop(snapshot), FakeRecords())
    assert words.partition("<dd>")[0] not in (await drawn.laptop(laptop["id"], language(code))).parts["laptop"]
    laptop["screen"] = screen
    assert words in (await drawn.laptop(laptop["id"], language(code))).parts["laptop"]


def test_the_page_of_images_says_what_is_odd_about_one_in_the_readers_language():
    text = Phrase("{name} holds a hibernated Linux", name="sda2")
    warned = Warn("hibernated", text, "start the master, shut it down properly and save the disk again")
    image = ImageInfo("school", "aa", 10**9, 10**10, warnings=(warned,))
    known = {"images_known": (image,), "rules": [], "capturing": [], "laptops": ()}
    drawn = Pages(FakeWorkshop(), FakeRecords())
    for code, words, step in (
        ("en", "sda2 holds a hibernated Linux", "save the disk again"),
        ("nl", "sda2 bevat een Linux in slaapstand", "sla de schijf opnieuw op"),
        ("fr", "sda2 contient un Linux en veille prolongée", "sauvegardez le disque à nouveau"),
    ):
        html = drawn.part("images", known, language(code)).parts["work"]
        assert words in html
        assert step in html


async def test_after_warming_up_no_page_has_to_be_compiled(monkeypatch):
    """Compiling takes a third of a second, in which the loop hears nobody."""
    warmth = Warmth()
    await warmth.warm()
    await warmth.enough_for("/")

    def compiled(*_args: object, **_named: object) -> None:
        raise AssertionError("compiled while somebody waits")

    monkeypatch.setattr(Environment, "compile", compiled)
    for code in CODES:
        drawn, words = Pages(FakeWorkshop(), FakeRecords()), language(code)
        assert (await drawn.wall(words)).parts
        assert (await drawn.laptop("00000007", words)).parts
    assert described() is described()


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31", "2026-13-01", "x" * 5000, "\0"])
def test_days_that_no_clock_shows_are_refused(day):
    with pytest.raises(UsageError, match="is no day"):
        _day(make_mocked_request("GET", f"/today/list.pdf?day={quote(day)}"))


async def test_a_switch_that_never_answered_has_a_page():
    state = workshops.busy()
    state["switches"] = [SwitchReading("10.20.0.9", "silent", None, None, 0.0, "it does not answer").to_json()]
    app = web.Application()
    app[WORKSHOP] = FakeWorkshop(state)
    known = await work._switch(app, {})
    html = Pages(app[WORKSHOP], FakeRecords()).part("switch", known, language("en")).parts["work"]
    assert "10.20.0.9" in html
    assert "it does not answer" in html


async def test_the_page_of_the_switch_says_who_was_in_a_port_today_and_what_became_of_him():
    snapshot = workshops.busy()
    [done, *_] = [each for each in snapshot["laptops"] if each["state"] == "done"]
    done |= {"port": "gi22", "macs": [], "boot_mac": "02:00:00:00:00:99"}
    workshop = FakeWorkshop(snapshot)
    known = await WORK["switch"].gather({WORKSHOP: workshop}, {})
    html = Pages(workshop, FakeRecords()).part("switch", known, language("nl")).parts["work"]
    row = html[html.index("<td>gi22</td>") :].split("</tr>")[0]
    assert done["tag"] in row
    assert "Klaar" in row


async def test_the_page_of_the_switch_says_what_a_port_did_today():
    workshop = FakeWorkshop(workshops.busy())
    known = await WORK["switch"].gather({WORKSHOP: workshop}, {})
    html = Pages(workshop, FakeRecords()).part("switch", known, language("nl")).parts["work"]
    rows = {name: html[html.index(f"<td>{name}</td>") :].split("</tr>")[0] for name in ("gi9", "gi11", "gi12")}
    assert "6 keer verbonden" in rows["gi9"]
    assert "1.804" in rows["gi12"]
    assert "onbekend" in rows["gi11"]  # the switch does not count there
    assert "onbekend" not in rows["gi9"]
    assert "<td>gi22</td>" in html  # nothing is there now, but its link went today


async def test_with_several_switches_too_a_port_shows_who_was_in_it_today():
    snapshot = workshops.busy()
    [done, *_] = [each for each in snapshot["laptops"] if each["state"] == "done"]
    done |= {"port": "10.20.0.2/gi22", "macs": [], "boot_mac": "02:00:00:00:00:99"}
    workshop = FakeWorkshop(snapshot)
    known = await WORK["switch"].gather({WORKSHOP: workshop}, {})
    html = Pages(workshop, FakeRecords()).part("switch", known, language("nl")).parts["work"]
    assert done["tag"] in html[html.index("<td>gi22</td>") :].split("</tr>")[0]
