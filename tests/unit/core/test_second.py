"""A second person: an erasure and a disk that was set aside are confirmed by another user than the first."""

from __future__ import annotations

import pytest

from cloned.core.commands import accept
from cloned.core.effect_types import Record
from cloned.core.erasing import offer
from cloned.core.events import Command
from cloned.core.laptop import State
from cloned.core.refusals import Refusal
from cloned.disk import erase_machine as machine
from cloned.disk.erase_record import ErasureFault
from tests.unit.core.test_erasing import Shop


def say(shop: Shop, by: str, do: str = "erase", disks: tuple[str, ...] = ("N1", "S1"), **words: str) -> str:
    """Have `by` say it; the code of a refusal, or nothing."""
    asked = accept(shop.state, Command(do, by, shop.laptop.id, disks=disks, **words))  # type: ignore[arg-type]
    if isinstance(asked, Refusal):
        return str(asked.code)
    shop.say(asked)
    return ""


def erasing(shop: Shop) -> bool:
    return shop.laptop.state is State.ERASING


def test_two_users_say_it_one_after_the_other() -> None:
    shop = Shop(erase_second=True)
    shop.boot()
    assert say(shop, "Ann") == ""
    assert not erasing(shop)
    assert say(shop, "Ann") == "another-person"
    assert say(shop, "Bob", disks=("S1", "N1")) == ""
    assert erasing(shop)
    assert shop.laptop.erasure is not None
    assert shop.laptop.erasure.by == "Ann, Bob"
    assert shop.laptop.first_word is None


@pytest.mark.parametrize("by", ["page", "the laptop's own keyboard", ""])
def test_whoever_has_no_name_of_his_own_is_neither_the_first_nor_the_second(by: str) -> None:
    shop = Shop(erase_second=True, erase_before="always")
    shop.boot()
    assert say(shop, by) == "own-name"
    say(shop, "Ann")
    assert say(shop, by) == "own-name"
    assert not erasing(shop)
    assert offer(shop.state, shop.laptop) is None


def test_the_second_says_the_very_same_or_is_the_first_of_something_else() -> None:
    shop = Shop(erase_second=True)
    shop.boot()
    say(shop, "Ann", level="clear")
    say(shop, "Bob", level="clear", text="only")
    assert not erasing(shop)
    say(shop, "Ann", level="clear")
    assert not erasing(shop)
    say(shop, "Bob", level="clear")
    assert erasing(shop)


def test_a_word_counts_for_one_boot() -> None:
    shop = Shop(erase_second=True)
    shop.boot()
    say(shop, "Ann")
    shop.boot()
    say(shop, "Bob")
    assert not erasing(shop)


def test_one_is_enough_where_nobody_asked_for_two() -> None:
    shop = Shop()
    shop.boot()
    say(shop, "page")
    assert erasing(shop)


def failed(shop: Shop) -> None:
    """An erasure of which one disk came to nothing."""
    shop.boot()
    for by in ("Ann", "Bob"):
        if not erasing(shop):
            say(shop, by)
    shop.carry_out("N1")
    shop.record(machine.fail(shop.disk("S1"), ErasureFault.LIES, "byte 0"))


@pytest.mark.parametrize(("second", "users"), [(False, ["Cis"]), (True, ["Cis", "Dirk"])])
def test_a_disk_that_was_set_aside_is_noted_in_its_row(second: bool, users: list[str]) -> None:
    shop = Shop(erase_second=second)
    failed(shop)
    assert say(shop, "Cis", "taken-out", (), disk="N1", text="destroyed") == "nothing-set-aside"
    assert say(shop, "Cis", "taken-out", (), disk="S1", text="sold") == "no-such-fate"
    for by in users:
        rows = [each for each in shop.effects if isinstance(each, Record)]
        assert len(rows) == 1
        assert say(shop, by, "taken-out", (), disk="S1", text="destroyed") == ""
    *_, row = [each.row for each in shop.effects if isinstance(each, Record)]
    disks = {disk["serial"]: disk for disk in row["erasure"]["disks"]}
    assert disks["S1"]["taken_out"]["what"] == "destroyed"
    assert disks["S1"]["taken_out"]["by"] == users
    assert disks["N1"]["taken_out"] is None
    assert row["erasure"]["result"] == "not-erased"


def test_the_same_user_does_not_confirm_twice_that_a_disk_is_gone() -> None:
    shop = Shop(erase_second=True)
    failed(shop)
    say(shop, "Cis", "taken-out", (), disk="S1", text="destroyed")
    assert say(shop, "Cis", "taken-out", (), disk="S1", text="destroyed") == "another-person"
    assert shop.laptop.erasure is not None
    assert not shop.laptop.erasure.taken_out
