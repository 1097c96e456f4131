"""Who is who where firmware says untrue things, and what holds for whom."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cloned.core.arrivals import misfit
from cloned.core.clocks import LOOKED_AT_SECONDS
from cloned.core.disks import Disk
from cloned.core.events import Booted, Configured, Confirmed, Finished, Hello, Ready, Settings, Tick, Vanished
from cloned.core.evidence import Evidence, Same, disks_same, doubts, may_be, weigh_sights
from cloned.core.ids import Identity, SessionId, clean
from cloned.core.laptop import Confirmation, Facts, Goal, Laptop, State
from cloned.core.reasons import Reason
from cloned.core.schedule import due
from cloned.core.workshop import BootGiven
from tests.story import GB, Story

UUID = "4c4c4544-0042-4a10-8034-b7c04f345332"


def mac(number: int) -> str:
    return f"02:00:00:00:01:{number:02x}"


def disk(name: str) -> Disk:
    return Disk("/dev/sda", 250 * GB, serial=name)


class Field(Story):
    """Laptops that say what they like."""

    def boot_of(self, card: str, uuid: str = UUID, serial: str = "PF1") -> str:
        self.boots += 1
        token = f"b{self.boots}"
        self.tell(Booted(token, clean(uuid, serial, "Dell Inc.", "X", [card]), card, f"10.0.0.{self.boots}"))
        return token

    def hello_of(
        self, token: str, card: str, on: str, uuid: str = UUID, serial: str = "PF1", dongle: str = "", more: str = ""
    ) -> Laptop:
        cards = [each for each in (card, dongle, more) if each]
        identity = clean(uuid, serial, "Dell Inc.", "X", cards)
        facts = Facts(identity, card, "uefi", disks=(disk(on),), dongles=(dongle,) if dongle else ())
        self.tell(Hello(token, facts, f"10.0.0.{self.boots}"))
        ident = self.state.boots[token].laptop
        assert ident is not None
        return self.state.laptops[ident]

    def start(self, card: str, on: str, **said: str) -> Laptop:
        dongle = said.pop("dongle", "")
        return self.hello_of(self.boot_of(dongle or card, **said), card, on, dongle=dongle, **said)


def test_machines_with_other_cards_and_disks_are_two_whatever_they_say() -> None:
    story = Field(confirm="auto")
    first = story.start(mac(1), "D1")
    second = story.start(mac(2), "D2")
    assert first.id != second.id
    assert story.laptop(first.id).state is State.READY, "a laptop at work keeps its place"
    assert (second.state, second.reason) == (State.ASKING, Reason.TWIN)
    assert [(each.one, each.other) for each in doubts(story.state.laptops.values())] == [(first.id, second.id)]


def test_the_second_one_is_not_told_that_it_is_done() -> None:
    story = Field()
    first = story.start(mac(1), "D1")
    story.tell(Confirmed(first.id, "D1", "school", "page"))
    story.clone(first.id)
    story.tell(Finished(first.id, ()))
    token = story.boot_of(mac(2))
    assert story.state.laptops[story.state.boots[token].laptop].state is State.ASKING  # type: ignore[index]
    assert story.hello_of(token, mac(2), "D2").state is State.ASKING
    assert story.laptop(first.id).state is State.DONE


def test_another_dongle_is_the_same_laptop_once_its_disk_is_seen() -> None:
    story = Field()
    first = story.start(mac(1), "D1", dongle=mac(91))
    story.tell(Vanished(first.id))
    again = story.start(mac(1), "D1", dongle=mac(92))
    assert again.id == first.id
    assert len(story.state.laptops) == 1


def test_a_shared_dongle_proves_nothing() -> None:
    story = Field()
    first = story.start(mac(1), "D1", dongle=mac(91))
    second = story.start(mac(2), "D2", dongle=mac(91))
    assert first.id != second.id


def test_a_dock_that_agents_take_for_a_built_in_card_makes_no_two_laptops_one() -> None:
    """Neither tells who it is; what they share is a card on Thunderbolt."""
    story, dock = Field(), "a4:ae:12:68:01:01"
    nameless = {"uuid": "", "serial": ""}
    found = [
        story.hello_of(story.boot_of(dock, **nameless), card, on, dongle="", more=dock, **nameless)
        for card, on in (("3c:97:0e:00:00:01", "D1"), ("3c:97:0e:00:00:02", "D2"))
    ]
    assert found[0].id != found[1].id
    story.tell(Vanished(found[1].id))
    again = story.hello_of(story.boot_of(dock, **nameless), "3c:97:0e:00:00:02", "D2", more=dock, **nameless)
    assert again.id == found[1].id


@pytest.mark.parametrize("said", [{}, {"uuid": "", "serial": ""}])
def test_a_laptop_whose_disk_has_no_name_is_the_same_one_on_a_dock(said: dict[str, str]) -> None:
    """The row that its own boot through the dock made fits whatever it says, and proves nothing."""
    story, card = Field(), "3c:97:0e:00:00:01"
    first = story.hello_of(story.boot_of(card, **said), card, "0123456789ABCDEF", **said)
    story.tell(Vanished(first.id))
    docked = story.hello_of(
        story.boot_of("a4:ae:12:68:01:01", **said), card, "0123456789ABCDEF", more="a4:ae:12:68:01:01", **said
    )
    assert docked.id == first.id
    assert list(story.state.laptops) == [first.id]


def test_a_card_that_gets_another_address_at_each_boot_does_not_make_one_laptop_two() -> None:
    story, card, nameless = Field(), "3c:97:0e:00:00:01", {"uuid": "", "serial": ""}
    first = story.hello_of(story.boot_of(card, **nameless), card, "D1", more=mac(50), **nameless)
    story.tell(Vanished(first.id))
    assert story.hello_of(story.boot_of(card, **nameless), card, "D1", more=mac(51), **nameless).id == first.id
    other = story.hello_of(story.boot_of(card, **nameless), card, "D9", more=mac(52), **nameless)
    assert (other.id == first.id, other.reason) == (False, Reason.PERHAPS)


@pytest.mark.parametrize(
    ("name", "state"), [("S4EVNX0R", State.FINISHING), ("", State.ASIDE), ("0123456789ABCDEF", State.ASIDE)]
)
def test_a_disk_that_does_not_tell_which_it_is_is_not_believed_to_be_the_one_that_was_read_back(
    name: str, state: State
) -> None:
    story = Field()
    first = story.start(mac(1), name)
    story.tell(Confirmed(first.id, first.facts.disks[0].key, "school", "page"))
    story.clone(first.id)
    story.tell(Vanished(first.id))
    back = story.start(mac(1), name)
    assert back.id == first.id
    assert back.state is state
    assert back.reason is (Reason.DISK_NAMELESS if state is State.ASIDE else None)
    if state is State.ASIDE:
        story.tell(Confirmed(first.id, back.facts.disks[0].key, "school", "page"))
        assert story.laptop(first.id).state is State.READY


def test_an_id_is_the_same_on_another_site_and_never_changes() -> None:
    here, there = Field(), Field()
    there.start(mac(7), "D7", serial="OTHER7", uuid="")
    mine = here.start(mac(1), "D1")
    assert there.start(mac(1), "D1").id == mine.id
    assert here.start(mac(1), "D1", uuid="").id == mine.id


def test_a_confirmation_holds_for_the_card_it_was_given_at() -> None:
    story = Field(places=0)
    laptop = story.start(mac(1), "D1")
    story.tell(Confirmed(laptop.id, "D1", "school", "keyboard"))
    assert story.start(mac(1), "D1").state is State.WAITING
    token = story.boot_of(mac(9))
    story.tell(Tick())
    other = story.hello_of(token, mac(9), "D1")
    assert other.goal.confirmation is None
    assert other.state is State.ASKING


def test_a_disk_of_the_same_name_that_is_another_asks() -> None:
    story = Field(places=0)
    laptop = story.start(mac(1), "D1")
    story.tell(Confirmed(laptop.id, "D1", "school", "page"))
    held = story.laptop(laptop.id)
    smaller = replace(held, facts=replace(held.facts, disks=(replace(held.facts.disks[0], size=240 * GB),)))
    story.state = story.state.with_laptop(smaller)
    story.tell(Tick())
    assert story.laptop(laptop.id).reason is Reason.DISK_CHANGED


@pytest.mark.parametrize("opened", [Configured(Settings(default_image="school")), Tick()])
def test_an_old_confirmation_starts_nothing_whatever_opens_the_way(opened: Configured | Tick) -> None:
    story = Field(places=0)
    laptop = story.start(mac(1), "D1")
    story.tell(Confirmed(laptop.id, "D1", "school", "page"))
    story.state = replace(story.state, places=8)
    story.tell(opened, after=12 * 3600.0)
    assert (story.laptop(laptop.id).state, story.laptop(laptop.id).reason) == (State.ASKING, Reason.CONFIRMATION_OLD)


def test_a_clock_set_back_a_year_lets_a_confirmation_hold_no_longer() -> None:
    story = Field(places=0)
    laptop = story.start(mac(1), "D1")
    story.tell(Confirmed(laptop.id, "D1", "school", "page"))
    story.tell(Tick(), after=3600.0)
    story.tell(Tick(), after=-365 * 86400.0)
    assert story.laptop(laptop.id).state is State.WAITING
    story.tell(Tick(), after=11 * 3600.0)
    assert story.laptop(laptop.id).reason is Reason.CONFIRMATION_OLD


@pytest.mark.parametrize("silent", [599.0, 3600.0, 11 * 3600.0])
def test_nor_where_nothing_happened_for_hours_before_it_was_set_back(silent: float) -> None:
    """As the daemon lives it: it makes a Tick where one is due, and looks every second."""
    story = Field(places=0)
    laptop = story.start(mac(1), "D1")
    story.tell(Confirmed(laptop.id, "D1", "school", "page"))

    def passes(seconds: float) -> None:
        end = story.now + seconds
        while story.now < end:
            story.now += min(60.0, end - story.now)
            if due(story.state, story.now):
                story.tell(Tick(), after=0.0)

    passes(silent)
    story.now -= 365 * 86400.0
    passes(12 * 3600.0 - silent - 60.0)
    assert story.laptop(laptop.id).state is State.WAITING
    passes(120.0 + LOOKED_AT_SECONDS)
    assert story.laptop(laptop.id).reason is Reason.CONFIRMATION_OLD


@pytest.mark.parametrize(
    ("said", "told", "fits"),
    [
        (clean(UUID, "PF1", macs=[mac(1)]), clean(UUID, "PF1", macs=[mac(1)]), True),
        (clean(UUID, "PF1", macs=[mac(1)]), clean(UUID, "PF1", macs=[mac(2)]), True),  # a dock
        (clean(UUID, "PF1", macs=[mac(1)]), clean(UUID, "PF2", macs=[mac(1)]), False),
        (clean("", "", macs=[mac(1)]), clean(UUID, "PF1", macs=[mac(1)]), True),
        (clean("", "", macs=[mac(1)]), clean(UUID, "PF1", macs=[mac(2)]), False),
        (clean("44454c4c-4200-104a-8034-b7c04f345332", macs=[mac(1)]), clean(UUID, macs=[mac(2)]), True),
    ],
)
def test_a_hello_fits_its_boot(said: Identity, told: Identity, fits: bool) -> None:
    boot = BootGiven("t", mac(1), "10.0.0.1", 0.0, None, said)
    assert (misfit(boot, Facts(told)) == "") is fits


def test_a_stranger_with_anothers_name_changes_nothing_of_a_laptop_that_is_here() -> None:
    story = Field(places=0)
    victim = story.start(mac(1), "D1")
    stranger = story.start(mac(66), "D1")
    assert stranger.id != victim.id
    story.tell(Confirmed(stranger.id, "D1", "school", "keyboard"))
    assert story.laptop(victim.id).goal.confirmation is None
    assert story.start(mac(1), "D1").state is State.ASKING


def test_what_0_1_wrote_down_of_a_confirmation_holds_until_its_end() -> None:
    laptop = Laptop(
        victim_id := Field().start(mac(1), "D1").id,
        1,
        Facts(Identity(), disks=(disk("D1"),)),
        State.WAITING,
        0,
        0,
        goal=Goal(confirmation=Confirmation("D1", "school", "a" * 64, "page", 5000.0)),
    )
    story = Field(places=0)
    story.state = story.state.with_laptop(laptop)
    story.tell(Tick())
    assert story.laptop(victim_id).state is State.WAITING


STICK = Disk("/dev/sdb", 16 * GB, serial="4C530001", transport="usb", eligible=False, why_not="USB")
CARD = Disk("/dev/mmcblk1", 64 * GB, serial="0xa1b2c3", transport="mmc", eligible=False, why_not="memory card")


@pytest.mark.parametrize("shared", [STICK, CARD])
def test_a_stick_that_goes_from_laptop_to_laptop_makes_no_two_one(shared: Disk) -> None:
    known = Evidence(clean(UUID, "PF1", macs=[mac(1)]), (disk("D1"), shared))
    twin = Evidence(clean(UUID, "PF1", macs=[mac(2)]), (disk("D2"), shared))
    assert disks_same(known.disks, twin.disks) is Same.NO
    assert weigh_sights(known, twin, ()) == 0
    assert disks_same((shared,), (shared,)) is Same.UNKNOWN
    again = replace(twin, identity=known.identity, disks=(disk("D1"),))
    assert weigh_sights(known, again, ()) == 6


def test_a_disk_that_shows_more_of_itself_is_no_other() -> None:
    """A protected area that was lifted, or a disk that died and says that it has 0 bytes."""
    known = Evidence(clean(UUID, "PF1", macs=[mac(1)]), (disk("D1"),))
    for size in (500 * GB, 0):
        seen = replace(known, disks=(replace(disk("D1"), size=size),))
        assert disks_same(known.disks, seen.disks) is Same.UNKNOWN
        assert not may_be(known, seen, ())
        assert weigh_sights(known, seen, ()) == 4


@pytest.mark.parametrize(
    ("known", "seen", "weight", "asks"),
    [
        (([1], "D1"), ([1], "D1"), 6, False),
        (([1], "D1"), ([1], "D2"), 0, True),  # another disk, or another laptop on that dock
        (([1, 2], "D1"), ([1, 2], "D2"), 4, False),  # a machine hangs on one dock at a time
        (([1, 2], "D1"), ([1, 3], "D2"), 0, True),  # each has a card of its own: two
        (([1, 2], ""), ([1, 3], ""), 0, True),  # and so where disks say nothing
        (([1, 2], ""), ([1], ""), 4, False),
        (([1], "D1"), ([2], "D1"), 5, False),
        (([1], "D1"), ([2], "D2"), 0, False),
    ],
)
def test_one_card_in_common_is_no_proof_where_disks_differ(
    known: tuple[list[int], str], seen: tuple[list[int], str], weight: int, asks: bool
) -> None:
    own = [f"3c:97:0e:00:00:{n:02x}" for n in range(5)]
    one, other = (
        Evidence(clean(UUID, "PF1", macs=[own[n] for n in cards]), (disk(name),)) for cards, name in (known, seen)
    )
    assert weigh_sights(one, other, ()) == weight
    assert may_be(one, other, ()) is asks


def test_a_disk_that_was_written_in_another_laptop_proves_nothing_of_this_one() -> None:
    """Read back here, put into another and written there, put back: what was read back is there no more."""
    story = Field(places=8)
    first = story.start(mac(1), "D1")
    story.tell(Confirmed(first.id, "D1", "school", "page"))
    story.clone(first.id)
    story.tell(Vanished(first.id))
    assert story.laptop(first.id).unfinished
    other = story.start(mac(2), "D1", uuid="", serial="PF2")
    story.tell(Confirmed(other.id, "D1", "school", "page"))
    story.tell(Ready(other.id, story.laptop(other.id).session or SessionId(""), "D1", (), False))
    story.tell(Vanished(other.id))
    assert not story.laptop(first.id).unfinished
    assert story.start(mac(1), "D1").state is not State.FINISHING


def test_nobody_who_waited_is_cloned_on_the_word_for_another_that_no_disk_tells_apart() -> None:
    """One dock, no other card, disks without a serial number: nothing shows that it is the one that was confirmed."""
    story = Field(places=0)
    first = story.start(mac(1), "")
    story.tell(Confirmed(first.id, first.facts.disks[0].key, "school", "page"))
    again = story.start(mac(1), "")
    assert (again.state, again.reason) == (State.ASKING, Reason.DISK_NAMELESS)
