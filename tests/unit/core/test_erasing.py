"""Erasures of whole laptops: whose word counts, what is never erased, what follows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cloned.core.boot import answer_kind
from cloned.core.commands import accept
from cloned.core.disks import Disk
from cloned.core.effect_types import Record
from cloned.core.erase_events import DiskErased, DiskWritten, MediaTold
from cloned.core.erasing import needed, offer
from cloned.core.erasure_row import explained
from cloned.core.events import (
    Booted,
    Command,
    Configured,
    Confirmed,
    Event,
    Hello,
    ImageInfo,
    ImageKnown,
    Returned,
    Settings,
    SwitchChanged,
    Vanished,
)
from cloned.core.ids import LaptopId, clean, token_digest
from cloned.core.laptop import Facts, Laptop, State
from cloned.core.orders import order
from cloned.core.reasons import Reason
from cloned.core.refusals import Refusal
from cloned.core.schedule import plan
from cloned.disk import erase_machine as machine
from cloned.disk.erase import EraseLevel
from cloned.disk.erase_record import DiskErasure, ErasureFault, LookBack
from cloned.disk.erase_samples import DiskSample
from cloned.disk.media import Medium, NvmeAbilities
from tests.story import Telling

IMAGE = ImageInfo("school", "a" * 64, 10**9, 10**9)
SSD = Medium("/dev/nvme0n1", 10**10, serial="N1", model="Big", bus="nvme", nvme=NvmeAbilities(block_erase=True))
HDD = Medium("/dev/sda", 2 * 10**10, serial="S1", model="Old", bus="sata", rotational=True)
STICK = Medium("/dev/sdb", 10**9, serial="USB1", bus="usb", built_in=False)
DISK = Disk("/dev/nvme0n1", 10**10, serial="N1", model="Big", transport="nvme")
GOOD = LookBack("sample", "s", 3, 9, 1, "zeros")


class Shop(Telling):
    """A workshop in which the only laptop is erased."""

    def __init__(self, **settings: object) -> None:
        configured = Configured(replace(Settings(), **settings))  # type: ignore[arg-type]
        super().__init__(configured, SwitchChanged(5, "", 1000), ImageKnown(IMAGE))

    def say(self, event: Event) -> Laptop | None:
        self.tell(event)
        return next(iter(self.state.laptops.values()), None)

    @property
    def laptop(self) -> Laptop:
        (laptop,) = self.state.laptops.values()
        return laptop

    def boot(
        self, media: tuple[Medium, ...] = (SSD, HDD, STICK), disks: tuple[Disk, ...] = (DISK,), wants: str = ""
    ) -> Laptop:
        token = token_digest(f"token {self.now}")
        who = clean("", "5CG1", "HP", "ProBook", ["02:00:00:00:00:01"])
        self.say(Booted(token, who, "02:00:00:00:00:01", "10.0.0.2"))
        self.say(Hello(token, Facts(who, disks=disks, wants=wants), "10.0.0.2"))
        if order(self.state, self.laptop).get("media"):
            self.say(MediaTold(self.laptop.id, media))
        return self.laptop

    def erase(self, *disks: str, level: str = "") -> Refusal | None:
        asked = accept(self.state, Command("erase", "Ann", self.laptop.id, disks=disks, level=level))
        if isinstance(asked, Refusal):
            return asked
        self.say(asked)
        return None

    def record(self, record: DiskErasure) -> Laptop:
        erasure = self.laptop.erasure
        assert erasure is not None
        self.say(DiskErased(self.laptop.id, erasure.id, record))
        return self.laptop

    def disk(self, serial: str) -> DiskErasure:
        assert self.laptop.erasure is not None
        found = self.laptop.erasure.find(serial)
        assert found is not None
        return found

    def carry_out(self, serial: str) -> Laptop:
        """All that an honest disk goes through."""
        record = machine.remembered(self.disk(serial), (DiskSample(0, 4096, "ab"),), 1.0)
        self.record(record)
        record = machine.starting(record, ("tool 1",))
        self.record(record)
        record = machine.wrote(record, record.medium.size) if serial == "S1" else machine.ended(record, "done")
        self.record(record)
        return self.record(machine.looked(record, GOOD, 9.0))


def test_every_disk_is_erased_and_then_the_laptop_goes_off() -> None:
    shop = Shop()
    shop.boot()
    assert shop.erase("N1", "S1") is None
    assert shop.laptop.state is State.ERASING
    assert order(shop.state, shop.laptop)["do"] == "erase"
    shop.carry_out("N1")
    assert shop.laptop.state is State.ERASING
    shop.carry_out("S1")
    assert shop.laptop.state is State.ERASED
    assert order(shop.state, shop.laptop)["action"] == "poweroff"
    (row,) = [effect.row for effect in shop.effects if isinstance(effect, Record)]
    assert (row["kind"], row["state"], row["erasure"]["result"]) == ("erasure", "erased", "erased")
    assert row["erasure"]["then"] == "", "it goes off, and is not cloned"
    assert [disk["level"] for disk in row["erasure"]["disks"]] == ["purge", "clear"]


@pytest.mark.parametrize(
    ("disks", "code"),
    [
        (("N1",), "name-every-disk"),
        (("N1", "N1"), "name-every-disk"),
        (("N1", "S1", "USB1"), "no-such-disk"),
        (("N1", "X"), "no-such-disk"),
        (("", "S1"), "no-such-disk"),
    ],
)
def test_every_built_in_disk_is_named_and_nothing_else(disks: tuple[str, ...], code: str) -> None:
    shop = Shop()
    shop.boot()
    refused = shop.erase(*disks)
    assert refused is not None
    assert str(refused.code) == code
    assert shop.laptop.state is not State.ERASING


def test_no_disk_at_all_is_no_erasure() -> None:
    shop = Shop()
    shop.boot()
    refused = accept(shop.state, Command("erase", "Ann", shop.laptop.id))
    assert isinstance(refused, Refusal)


def test_two_disks_with_the_same_serial_are_not_erased() -> None:
    shop = Shop()
    shop.boot((SSD, replace(HDD, serial="N1")))
    refused = shop.erase("N1", "N1")
    assert refused is not None


def test_a_level_that_one_disk_cannot_have_is_refused_and_says_what_to_do() -> None:
    shop = Shop()
    shop.boot()
    refused = shop.erase("N1", "S1", level="purge")
    assert refused is not None
    assert str(refused.code) == "level-too-high"
    assert "destroy" in refused.next_step()
    assert str(shop.erase("N1", "S1", level="shred").code) == "no-such-level"  # type: ignore[union-attr]


@pytest.mark.parametrize(("do", "text", "code"), [("keep", "", "kept"), ("lent", "yes", "is-lent")])
def test_what_a_person_put_aside_is_never_erased(do: str, text: str, code: str) -> None:
    shop = Shop()
    shop.boot()
    shop.say(Command(do, "Ann", shop.laptop.id, text=text))
    assert str(shop.erase("N1", "S1").code) == code  # type: ignore[union-attr]
    shop.say(Command(do, "Ann", shop.laptop.id, text="no"))
    assert shop.erase("N1", "S1") is None


def test_a_laptop_that_does_not_run_or_was_not_looked_at_is_not_erased() -> None:
    shop = Shop()
    shop.boot()
    shop.say(Vanished(shop.laptop.id))
    assert str(shop.erase("N1", "S1").code) == "not-running-erase"  # type: ignore[union-attr]
    other = Shop()
    other.boot(())
    assert str(other.erase("N1", "S1").code) == "not-looked-at"  # type: ignore[union-attr]


def test_one_disk_that_is_not_erased_makes_the_laptop_not_erased_with_its_name() -> None:
    shop = Shop()
    shop.boot()
    shop.erase("N1", "S1")
    shop.carry_out("N1")
    laptop = shop.record(machine.fail(shop.disk("S1"), ErasureFault.LIES, "byte 0"))
    assert (laptop.state, laptop.reason) == (State.ASIDE, Reason.NOT_ERASED)
    assert "Old S1" in laptop.detail
    assert "old data is still there" in laptop.detail


def test_a_disk_that_cannot_be_written_counts_against_the_laptop() -> None:
    hidden = Medium("pci:0000:00:17.0/0", 0, serial="hidden", barred="hidden behind Intel RST")
    shop = Shop()
    shop.boot((SSD, hidden))
    assert shop.erase("N1") is None
    laptop = shop.carry_out("N1")
    assert (laptop.state, laptop.reason) == (State.ASIDE, Reason.NOT_ERASED)
    assert "Intel RST" in laptop.detail


def test_auto_never_covers_an_erasure_and_the_clone_waits_for_one() -> None:
    shop = Shop(confirm="auto", erase_before="always")
    shop.boot()
    assert shop.laptop.state is State.WAITING
    assert plan(shop.state, shop.now).waits[shop.laptop.id].reason is Reason.ERASE_FIRST
    shop.erase("N1", "S1")
    shop.carry_out("N1")
    shop.carry_out("S1")
    assert shop.laptop.state is State.READY
    assert not needed(shop.state, shop.laptop)


def test_a_confirmation_meanwhile_clones_it_without_a_further_touch() -> None:
    shop = Shop()
    shop.boot((SSD,))
    shop.erase("N1")
    shop.say(Confirmed(shop.laptop.id, "N1", "school", "Ann"))
    assert shop.laptop.state is State.ERASING
    shop.carry_out("N1")
    assert shop.laptop.state is State.READY


def test_after_a_power_cut_it_goes_on_and_never_boots_into_done() -> None:
    shop = Shop()
    shop.boot((SSD, HDD))
    shop.erase("N1", "S1")
    shop.carry_out("N1")
    erasure = shop.laptop.erasure
    assert erasure is not None
    record = machine.starting(machine.remembered(shop.disk("S1"), (DiskSample(0, 4096, "ab"),), 1.0), ())
    shop.record(record)
    shop.say(DiskWritten(shop.laptop.id, erasure.id, "S1", 10**10))
    shop.boot((SSD, HDD))
    assert shop.laptop.state is State.ERASING
    assert shop.disk("S1").offset == 10**10
    assert answer_kind(shop.state, shop.laptop, shop.now)[0] == "clone"
    shop.say(Vanished(shop.laptop.id))
    assert shop.laptop.state is State.GONE
    shop.say(Returned(shop.laptop.id))
    assert shop.laptop.state is State.ERASING


def test_a_disk_that_comes_to_light_in_the_middle_makes_the_laptop_not_erased_and_is_named() -> None:
    shop = Shop()
    shop.boot((SSD, STICK))
    assert shop.erase("N1") is None
    shop.say(Vanished(shop.laptop.id))
    assert shop.boot(()).state is State.ERASING
    shop.say(MediaTold(shop.laptop.id, (SSD, STICK)))
    assert [disk.medium.serial for disk in shop.laptop.erasure.disks] == ["N1"]  # type: ignore[union-attr]
    for _ in range(2):
        shop.say(MediaTold(shop.laptop.id, (HDD,)))
    laptop = shop.carry_out("N1")
    assert laptop.erasure is not None
    assert (laptop.state, laptop.reason, laptop.erasure.result) == (State.ASIDE, Reason.NOT_ERASED, "not-erased")
    assert (
        laptop.detail
        == "Old S1: It is not the disk that was confirmed: it was not there when the erasure was confirmed"
    )
    assert order(shop.state, laptop).get("media"), "its disks are looked at again before anybody confirms anew"
    shop.say(MediaTold(laptop.id, (SSD, HDD, STICK)))
    assert shop.erase("N1") is not None
    assert shop.erase("N1", "S1") is None


def test_left_out_it_stops_and_retry_takes_it_up_again() -> None:
    shop = Shop()
    shop.boot((SSD,))
    shop.erase("N1")
    shop.say(Command("exclude", "Ann", shop.laptop.id))
    assert order(shop.state, shop.laptop)["do"] == "wait"
    shop.say(Command("retry", "Ann", shop.laptop.id))
    assert order(shop.state, shop.laptop)["do"] == "erase"


def test_what_an_agent_says_of_an_unknown_disk_or_erasure_changes_nothing() -> None:
    shop = Shop()
    shop.boot((SSD,))
    shop.erase("N1")
    before = shop.laptop.erasure
    other = machine.plan(HDD, EraseLevel.CLEAR, "x")
    shop.record(other)
    shop.say(DiskErased(shop.laptop.id, "other", machine.fail(shop.disk("N1"), ErasureFault.GONE)))
    shop.say(DiskErased(LaptopId("nobody"), "other", other))
    assert shop.laptop.erasure == before


def test_a_batch_may_cover_new_laptops_with_one_disk_only() -> None:
    shop = Shop()
    batch = Command("batch", "Ann", text="ProBook", image="school", level="purge")
    shop.say(batch)
    shop.boot((SSD,))
    assert shop.laptop.state is State.ERASING
    assert shop.laptop.erasure is not None
    assert shop.laptop.erasure.by == "batch of Ann"
    shop.carry_out("N1")
    assert shop.laptop.state is State.READY
    several = Shop()
    several.say(batch)
    several.boot((SSD, HDD))
    assert several.laptop.state is State.WAITING
    assert several.laptop.erasure is None


def test_the_laptop_itself_offers_it_only_where_it_must_be_erased() -> None:
    shop = Shop(erase_before="first")
    shop.boot((SSD,))
    offered = offer(shop.state, shop.laptop)
    assert offered is not None
    assert offered["disks"][0]["words"] == "NVMe Sanitize: Block Erase"
    assert offered["disks"][0]["seconds"] > 0
    plain = Shop()
    plain.boot((SSD,))
    assert offer(plain.state, plain.laptop) is None


def test_what_is_explained_names_method_level_reason_and_what_could_not_be_had() -> None:
    shop = Shop()
    shop.boot()
    told = {each["serial"]: each for each in explained(shop.laptop, EraseLevel.PURGE)}
    assert told["N1"]["method"] == "nvme-sanitize-block"
    assert told["S1"]["method"] is None
    assert "Clear, not Purge" in told["S1"]["why"]
    assert told["USB1"]["offers"] == []


def test_erasing_chosen_in_the_boot_menu_is_offered_at_the_laptop_and_nothing_is_cloned() -> None:
    shop = Shop(confirm="auto", erase_by="volunteer")
    laptop = shop.boot(wants="erase")
    assert (laptop.state, laptop.reason, laptop.goal.confirmation) == (State.ASKING, Reason.WANTS_ERASURE, None)
    offered = order(shop.state, laptop)["erase_offer"]
    assert offered["only"] is True
    assert [disk["serial"] for disk in offered["disks"]] == ["N1", "S1"]
    assert "offer" not in order(shop.state, laptop)


def test_where_only_administrators_may_erase_the_menu_asks_for_one() -> None:
    shop = Shop()
    laptop = shop.boot(wants="erase")
    assert (laptop.state, laptop.reason) == (State.ASKING, Reason.WANTS_ERASURE)
    assert "erase_offer" not in order(shop.state, laptop)
    assert shop.erase("N1", "S1") is None


def test_a_laptop_that_is_to_be_kept_is_not_offered_that_key() -> None:
    shop = Shop(erase_by="volunteer")
    laptop = shop.boot(wants="erase")
    asked = accept(shop.state, Command("keep", "Ann", laptop.id))
    assert not isinstance(asked, Refusal)
    shop.say(asked)
    assert "erase_offer" not in order(shop.state, shop.laptop)


def test_a_person_may_still_have_it_cloned_instead() -> None:
    shop = Shop()
    laptop = shop.boot(wants="erase")
    asked = accept(shop.state, Command("confirm", "Ann", laptop.id, image="school", disk="N1"))
    assert not isinstance(asked, Refusal)
    shop.say(asked)
    assert (shop.laptop.wants, shop.laptop.goal.confirmation is not None) == ("", True)
