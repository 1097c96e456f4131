import pytest

from cloned.netboot.loaders import ShimFollowers


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def followers(clock):
    made = ShimFollowers(clock)
    made.fetched("10.0.0.5", "shimx64.efi")
    return made


@pytest.mark.parametrize("name", ["\xeaOnboard", "\xeaUSB", "Onboard NIC", "boot/\x01\x02", "x"])
def test_whatever_shim_makes_of_grubs_name(followers, name):
    assert followers.wants_grub("10.0.0.5", name)
    assert not followers.wants_grub("10.0.0.6", name)


@pytest.mark.parametrize(
    "name",
    ["revocations_sku.efi", "revocations_sbat.efi", "shim_certificate_0.efi", "grub/x86_64-efi/fs.lst", "mmx64.efi"],
)
def test_what_shim_and_grub_can_do_without(followers, name):
    assert not followers.wants_grub("10.0.0.5", name)


def test_only_just_after_shim(followers, clock):
    clock.now += 61
    assert not followers.wants_grub("10.0.0.5", "x")


def test_not_once_grub_is_there(followers):
    followers.fetched("10.0.0.5", "grubx64.efi")
    assert not followers.wants_grub("10.0.0.5", "x")


def test_bounded(followers):
    for number in range(5000):
        followers.fetched(f"10.1.{number >> 8}.{number & 255}", "shimx64.efi")
    assert len(followers._shim) == 1024
