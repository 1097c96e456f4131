"""A clone that its firmware would not start: refused before anything is erased, unless a person insists."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloned.core.commands import accept
from cloned.core.events import Booted, Command, Hello, ImageKnown
from cloned.core.hello import facts
from cloned.core.ids import clean
from cloned.core.laptop import Facts, Laptop, State
from cloned.core.reasons import Reason
from cloned.core.refusals import Refusal
from cloned.core.secure_boot import BootLoader, FirmwareKeys, against
from cloned.disk.signed import SignedBy
from tests.story import DISK, IMAGE, Story

OLD, NEW, HASHED = "1" * 16, "2" * 16, "3" * 8
SHIM = BootLoader(
    "EFI/debian/shimx64.efi", SignedBy("f" * 64, (OLD,), "Microsoft Corporation UEFI CA 2011", (("shim", 4),))
)
KEYS = FirmwareKeys((NEW,))
MAC = "02:00:00:00:00:01"


def shop(*loaders: BootLoader, confirm: str = "ask") -> Story:
    story = Story(confirm=confirm)
    story.tell(ImageKnown(replace(IMAGE, loaders=loaders or (SHIM,))))
    return story


def boot(story: Story, firmware: str = "secureboot", keys: FirmwareKeys = KEYS) -> Laptop:
    story.boots += 1
    identity, token = clean("", "PF1", "Dell Inc.", "Latitude 5490", [MAC]), f"t{story.boots}"
    story.tell(Booted(token, identity, MAC, "10.0.0.5"))
    story.tell(Hello(token, Facts(identity, MAC, firmware, disks=(DISK,), keys=keys), "10.0.0.5"))
    ident = story.state.boots[token].laptop
    assert ident is not None
    return story.state.laptops[ident]


def confirm(story: Story, laptop: Laptop, anyway: str = "") -> Laptop:
    command = accept(story.state, Command("confirm", "page", laptop.id, anyway=anyway))
    assert not isinstance(command, Refusal)
    story.tell(command)
    return story.laptop(laptop.id)


def test_a_clone_that_could_not_start_is_refused_with_who_signed_it() -> None:
    story = shop()
    laptop = confirm(story, boot(story))
    assert (laptop.state, laptop.reason) == (State.ASIDE, Reason.LOADER_REFUSED)
    assert (
        laptop.detail == "EFI/debian/shimx64.efi is signed by Microsoft Corporation UEFI CA 2011, whom it does not know"
    )


def test_nothing_begins_by_itself_either() -> None:
    story = shop(confirm="auto")
    laptop = boot(story)
    assert (laptop.state, laptop.reason) == (State.ASIDE, Reason.LOADER_REFUSED)


def test_a_person_may_insist() -> None:
    story = shop()
    laptop = confirm(story, confirm(story, boot(story)), "yes")
    assert laptop.state is State.READY
    assert boot(story).state is State.READY  # and it holds over its boots


def test_where_secure_boot_is_off_it_is_mentioned() -> None:
    story = shop()
    laptop = confirm(story, boot(story, "uefi"))
    assert laptop.state is State.READY
    assert any(str(entry.why).startswith("with Secure Boot on it would not start") for entry in laptop.history)


def test_secure_boot_that_was_switched_on_after_the_word_is_asked_about() -> None:
    story = shop()
    story.state = replace(story.state, paused=True)
    assert confirm(story, boot(story, "uefi")).state is State.WAITING
    laptop = boot(story)
    assert (laptop.state, laptop.reason, bool(laptop.detail)) == (State.ASKING, Reason.LOADER_REFUSED, True)


@pytest.mark.parametrize(
    ("keys", "refused"),
    [
        (FirmwareKeys((OLD,)), ""),
        (FirmwareKeys((NEW, OLD)), ""),
        (FirmwareKeys(("f" * 8,)), ""),
        (FirmwareKeys(()), ""),
        (FirmwareKeys((NEW,)), "whom it does not know"),
        (FirmwareKeys((OLD,), (OLD,)), "revoked"),
        (FirmwareKeys((OLD,), ("f" * 8,)), "revoked"),
        (FirmwareKeys((OLD,), (HASHED,)), ""),
        (FirmwareKeys((OLD,), (), (("shim", 4),)), ""),
        (FirmwareKeys((OLD,), (), (("shim", 5),)), "revoked"),
        (FirmwareKeys((OLD,), (), (("grub", 9),)), ""),
    ],
)
def test_keys_against_a_loader(keys: FirmwareKeys, refused: str) -> None:
    why = against(keys, (SHIM,))
    assert bool(why) == bool(refused)
    assert refused in why


def test_one_loader_that_starts_is_enough_and_none_is_no_reason() -> None:
    bare = BootLoader("EFI/BOOT/BOOTX64.EFI", SignedBy("e" * 64))
    assert against(FirmwareKeys((OLD,)), (bare, SHIM)) == ""
    assert against(FirmwareKeys((OLD,)), (bare,)) == "EFI/BOOT/BOOTX64.EFI is not signed"
    assert against(FirmwareKeys((OLD,)), ()) == ""


def test_bios_laptops_are_not_asked() -> None:
    story = shop()
    assert confirm(story, boot(story, "bios")).state is State.READY


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from([OLD, HASHED]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["trusted", "revoked", "sbat"]), inner),
    max_leaves=20,
)


@given(JSON)
def test_whatever_a_laptop_says_of_its_keys(told: object) -> None:
    keys = facts({"keys": told}).keys
    assert all(len(each) in (8, 16) for each in (*keys.trusted, *keys.revoked))
    assert all(isinstance(name, str) and isinstance(level, int) for name, level in keys.sbat)
