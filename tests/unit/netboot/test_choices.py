import pytest

from cloned.config_boot import Model
from cloned.netboot.choices import Choices

MAC = "52:54:00:00:00:0a"


def test_defaults():
    assert Choices().uefi(MAC) == "auto"
    assert Choices().model(MAC) == Model()


def test_a_model_is_known_from_its_second_boot_on():
    choices = Choices([Model(vendor="Dell*", product="Latitude*", uefi="ipxe")])
    assert choices.uefi(MAC) == "auto"
    choices.remember(MAC, "Dell Inc.", "Latitude 5490")
    assert choices.uefi(MAC) == "ipxe"
    choices.remember(MAC, "", "")
    assert choices.uefi(MAC) == "ipxe"


def test_grub_asks_with_the_models_name_so_that_a_setting_counts_at_once():
    choices = Choices([Model(product="Latitude*", uefi="ipxe"), Model(product="Book*", uefi="shim")])
    assert choices.chain(MAC, "Dell Inc.", "Latitude 5490") == "ipxe.efi"
    assert choices.chain("1", "HP", "Book") == ""
    assert choices.chain("2", "HP", "Other") == "snponly.efi"


def test_grub_tries_full_drivers_and_then_itself_where_snponly_came_no_further():
    choices = Choices()
    for name in ("snponly.efi", "ipxe.efi"):
        assert choices.chain(MAC, "a", "b") == choices.chain(MAC, "a", "b") == name
        choices.fetched(MAC, name)
    choices.remember(MAC, "a", "b", by_grub=True)
    assert choices.chain(MAC, "a", "b") == ""
    choices.remember(MAC, "a", "b")  # iPXE came through after all
    assert choices.chain(MAC, "a", "b") == "snponly.efi"


def test_a_mac_is_known_at_once():
    choices = Choices([Model(mac="52:54:*", uefi="shim"), Model(uefi="ipxe")])
    assert (choices.uefi(MAC), choices.uefi("00:00:00:00:00:01")) == ("shim", "ipxe")


def test_shim_that_goes_nowhere_is_not_tried_for_ever():
    choices = Choices()
    choices.fetched(MAC, "shimx64.efi")
    assert (choices.uefi(MAC), choices.stuck()) == ("auto", [])
    choices.fetched(MAC, "shimx64.efi")
    assert (choices.uefi(MAC), choices.stuck()) == ("snponly", [(MAC, "shimx64.efi")])
    choices.fetched(MAC, "snponly.efi")  # and no script after that: Secure Boot refused it
    assert choices.uefi(MAC) == "auto"


@pytest.mark.parametrize("further", ["grubx64.efi", "grub/grub.cfg"])
def test_shim_that_works(further):
    choices = Choices()
    for _ in range(5):
        choices.fetched(MAC, "shimx64.efi")
        choices.fetched(MAC, further)
    assert (choices.uefi(MAC), choices.stuck()) == ("auto", [])


def test_a_setting_that_does_not_start_gives_way_once():
    choices = Choices([Model(mac="52:*", uefi="snponly")])
    assert choices.uefi(MAC) == "snponly"
    choices.fetched(MAC, "snponly.efi")
    assert choices.uefi(MAC) == "auto"
    choices.fetched(MAC, "shimx64.efi")
    assert choices.uefi(MAC) == "snponly"


def test_a_boot_rom_in_a_loop_is_noticed():
    choices = Choices()
    for _ in range(3):
        choices.fetched(MAC, "undionly.kpxe")
    assert choices.stuck() == [(MAC, "undionly.kpxe")]
    choices.remember(MAC, "", "")
    assert choices.stuck() == []


def test_a_script_forgives():
    choices = Choices()
    for name in ("shimx64.efi", "shimx64.efi", "snponly.efi"):
        choices.fetched(MAC, name)
    choices.remember(MAC, "", "")
    assert choices.stuck() == []


def test_bounded():
    choices = Choices()
    for number in range(5000):
        choices.fetched(f"{number}", "shimx64.efi")
    assert len(choices._known) == 1024
