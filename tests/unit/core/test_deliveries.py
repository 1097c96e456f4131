"""Donors' deliveries: who is booked on which, by itself or by hand, and what its account then says."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cloned.core.commands import accept
from cloned.core.deliveries import PAPERWORK_SECONDS
from cloned.core.delivery import Booked, booked
from cloned.core.effect_types import Record
from cloned.core.events import Booted, Command, Hello
from cloned.core.ids import LaptopId, clean, token_digest
from cloned.core.known import KnownToLedger
from cloned.core.laptop import Laptop
from cloned.core.refusals import Refusal
from tests.unit.core.test_erasing import DISK, SSD, Facts, Shop


class Workshop(Shop):
    """One that unpacks deliveries."""

    def do(self, verb: str, target: str = "", text: str = "", organisation: str = "") -> Refusal | None:
        asked = accept(self.state, Command(verb, "Ann", target, text=text, organisation=organisation))
        if isinstance(asked, Refusal):
            return asked
        self.say(asked)
        return None

    def come(self, serial: str, known: KnownToLedger | None = None) -> Laptop:
        """A laptop is plugged in and its live system starts."""
        token = token_digest(f"token {self.now}")
        mac = f"02:00:00:00:01:{int(serial):02d}"
        who = clean("", f"5CG{serial}", "HP", "ProBook", [mac])
        self.say(Booted(token, who, mac, "10.0.0.2", known=known))
        facts = Facts(who, disks=(replace(DISK, serial=f"N{serial}", hours=900),))
        self.say(Hello(token, facts, "10.0.0.2", known=known))
        return next(each for each in self.state.laptops.values() if each.identity.serial == who.serial)

    def line(self, name: str, laptop: Laptop) -> Booked | None:
        return self.state.deliveries[name].laptops.get(laptop.id)


def test_laptops_are_booked_on_the_open_delivery_when_they_first_come() -> None:
    shop = Workshop()
    before = shop.come("1")
    assert shop.do("delivery", text="2026-17", organisation="Stad Aalst") is None
    first, second = shop.come("2"), shop.come("3")
    assert shop.come("1").donation == before.donation == ""
    assert (first.donation, second.donation) == ("2026-17", "2026-17")
    delivery = shop.state.deliveries["2026-17"]
    assert (delivery.organisation, delivery.by, len(delivery.laptops)) == ("Stad Aalst", "Ann", 2)
    line = shop.line("2026-17", first)
    assert line is not None
    assert (line.serial, line.name, line.fate, line.used_hours) == ("5CG2", "HP ProBook", "", 900)


@pytest.mark.parametrize(
    ("known", "donation"),
    [
        (KnownToLedger("abc", 2), ""),
        (KnownToLedger("abc", 2, weighed=True), ""),
        (KnownToLedger(weighed=True), "2026-17"),
        (KnownToLedger(), ""),
    ],
)
def test_what_the_ledger_knows_from_before_is_nobodys_donation_now(known: KnownToLedger, donation: str) -> None:
    shop = Workshop()
    shop.do("delivery", text="2026-17")
    assert shop.come("1", known).donation == donation


def test_one_is_open_at_a_time_and_can_be_opened_again() -> None:
    shop = Workshop()
    shop.do("delivery", text="A", organisation="Bank")
    shop.do("delivery", text="B")
    assert shop.come("1").donation == "B"
    assert shop.state.deliveries["A"].closed
    shop.do("delivery", text="A")
    assert shop.come("2").donation == "A"
    assert shop.state.deliveries["A"].organisation == "Bank"
    assert shop.do("delivery-close") is None
    assert shop.come("3").donation == ""
    assert str(shop.do("delivery-close").code) == "no-delivery-open"  # type: ignore[union-attr]


@pytest.mark.parametrize("name", [" ", "\n\t", "\x00"])
def test_a_delivery_without_a_name_is_none(name: str) -> None:
    refused = Workshop().do("delivery", text=name)
    assert refused is not None
    assert str(refused.code) == "no-delivery-name"


def test_names_are_one_line_of_eighty_characters() -> None:
    shop = Workshop()
    shop.do("delivery", text=" 2026\n<b>17 ", organisation="x" * 10_000)
    (delivery,) = shop.state.deliveries.values()
    assert delivery.name == "2026 <b>17"
    assert len(delivery.organisation) == 80


def test_what_became_of_a_laptop_is_counted_and_can_be_taken_back() -> None:
    shop = Workshop()
    shop.do("delivery", text="D")
    laptop = shop.come("1")
    assert str(shop.do("fate", laptop.id, "sold").code) == "no-such-fate"  # type: ignore[union-attr]
    shop.do("fate", laptop.id, "parts")
    line = shop.line("D", laptop)
    assert line is not None
    assert (line.fate, line.fate_at) == ("parts", shop.now)
    shop.do("fate", laptop.id, "")
    line = shop.line("D", laptop)
    assert line is not None
    assert (line.fate, line.fate_at) == ("", 0.0)
    shop.do("lent", laptop.id)
    assert shop.line("D", laptop).fate == "given"  # type: ignore[union-attr]


def test_an_account_keeps_what_is_off_the_screen_but_not_what_is_forgotten_everywhere() -> None:
    shop = Workshop()
    shop.do("delivery", text="D")
    kept, gone = shop.come("1"), shop.come("2")
    shop.do("forget", kept.id)
    shop.do("forget", gone.id, "everywhere")
    assert list(shop.state.deliveries["D"].laptops) == [kept.id]


def test_a_laptop_is_moved_by_hand_and_stands_in_one_account() -> None:
    shop = Workshop()
    shop.do("delivery", text="A")
    laptop = shop.come("1")
    shop.do("donation", laptop.id, "B")
    assert not shop.state.deliveries["A"].laptops
    assert list(shop.state.deliveries["B"].laptops) == [laptop.id]
    assert shop.state.booking == "A"
    shop.do("donation", laptop.id, "")
    assert not shop.state.deliveries["B"].laptops


def test_an_erasure_and_its_hours_are_in_the_account() -> None:
    shop = Shop()
    shop.say(Command("delivery", "Ann", text="D"))
    shop.boot(media=(SSD,))
    shop.erase("N1")
    began = shop.laptop.since
    shop.carry_out("N1")
    line = shop.state.deliveries["D"].laptops[LaptopId(shop.laptop.id)]
    assert line.erased == "clear"
    assert line.seconds == shop.laptop.since - began > 0


def test_a_delivery_typed_in_after_the_erasure_is_on_its_row_that_evening_and_not_a_year_later() -> None:
    shop = Shop()
    shop.boot(media=(SSD,))
    shop.erase("N1")
    shop.carry_out("N1")

    def rows() -> list[str]:
        return [each.row["erasure"]["donation"] for each in shop.effects if isinstance(each, Record)]

    assert rows() == [""]
    shop.say(Command("donation", "Ann", shop.laptop.id, text="KBC 114"))
    assert rows() == ["", "KBC 114"]
    shop.now += PAPERWORK_SECONDS + 1
    shop.say(Command("donation", "Ann", shop.laptop.id, text="KBC 115"))
    assert rows() == ["", "KBC 114"]
    assert shop.laptop.donation == "KBC 115"


def test_a_line_has_the_day_on_which_its_laptop_first_came() -> None:
    laptop = Workshop().come("1")
    assert booked(laptop, None, Booked()).came == laptop.first_seen
    assert booked(laptop, None, Booked(came=5.0)).came == 5.0


def test_lines_stay_in_the_order_in_which_their_laptops_came() -> None:
    shop = Workshop()
    shop.do("delivery", text="A")
    first, second = shop.come("1"), shop.come("2")
    shop.do("tag", first.id, text="DM-1")
    line = shop.line("A", first)
    assert line is not None
    assert line.tag == "DM-1"
    assert list(shop.state.deliveries["A"].laptops) == [first.id, second.id]
