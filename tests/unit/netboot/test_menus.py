import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloned.config_boot import BootSettings, Model
from cloned.core.boot import BootAnswer, BootRequest
from cloned.netboot.menus import Menus, say

SERVER = "10.77.0.1:8069"
MAC = "52:54:00:00:00:0a"


def menu(via="ipxe", kind="menu", firmware="uefi", boot=None, model=None, **request):
    asked = BootRequest(MAC, "10.77.1.1", firmware=firmware, via=via, **request)
    answer = BootAnswer(kind, "TOKEN", "It was not confirmed", tag="12")
    return Menus(boot or BootSettings()).menu(SERVER, asked, answer, model or Model())


def test_every_script_is_one_of_its_kind():
    menus = Menus(BootSettings())
    assert menus.start_ipxe(SERVER).startswith("#!ipxe\n")
    assert menu().startswith("#!ipxe\n")
    assert "#!ipxe" not in menu("grub")


def test_the_first_scripts_lead_to_the_second():
    menus = Menus(BootSettings())
    assert f"http://{SERVER}/boot.ipxe?mac=${{netX/mac}}&uuid=${{uuid}}" in menus.start_ipxe(SERVER)
    assert f'configfile "(http,{SERVER})/grub/menu.cfg?mac=$net_default_mac' in menus.start_grub(SERVER, tftp=True)


@pytest.mark.parametrize("tftp", [True, False])
def test_grub_asks_what_to_hand_over_to_only_without_secure_boot(tftp):
    script = Menus(BootSettings()).start_grub(SERVER, tftp=tftp)
    asks = 'if [ "$lockdown" != "y" ]; then\n  source "/grub/chain/$net_default_mac/m=$manufacturer/p=$product"\nfi\n'
    assert (asks in script) == tftp
    assert "chainloader" not in script


def test_what_grub_hands_over_to():
    assert Menus.chain_grub("ipxe.efi") == "chainloader /ipxe.efi\nboot\n"
    assert "chainloader" not in Menus.chain_grub("")


@pytest.mark.parametrize("via", ["ipxe", "grub"])
def test_token_and_words_for_the_kernel(via):
    boot = BootSettings(kernel_parameters="quiet  nomodeset", serial="ttyS0,115200")
    script = menu(via, "clone", boot=boot, model=Model(kernel_parameters="acpi=off"))
    words = f"cloned.boot=http://{SERVER}/TOKEN console=tty0 console=ttyS0,115200 quiet nomodeset acpi=off cloned.want="
    assert script.count(words) == 4
    assert "BOOTIF=01-52-54-00-00-00-0a" in script


def test_the_model_decides_on_serial_and_resolution():
    script = menu("grub", boot=BootSettings(serial="ttyS0"), model=Model(serial="ttyS1,9600", console="1024x768"))
    assert "serial --unit=1 --speed=9600" in script
    assert "set gfxmode=1024x768,auto" in script
    assert "console --x 1024 --y 768 ||" in menu(model=Model(console="1024x768"))


def test_unconfirmed_starts_from_its_disk_after_half_a_minute():
    assert "choose --default disk --timeout 30000" in menu()
    assert "set default=disk\n" in menu("grub")
    assert "set timeout=30\n" in menu("grub")
    assert "item --key 1 clone 1  Clone this laptop" in menu()


def test_confirmed_clones_after_a_few_seconds():
    assert "choose --default clone --timeout 3000" in menu(kind="clone")
    assert "set default=clone\n" in menu("grub", "clone")
    assert "\ngoto clone\n" in menu(kind="clone", boot=BootSettings(clone_seconds=0))


@pytest.mark.parametrize("via", ["ipxe", "grub"])
def test_refused_can_only_start_from_its_disk(via):
    script = menu(via, "refuse")
    assert "Start from its own disk" in script
    assert "Clone this laptop" not in script
    assert "Erase this laptop" not in script


@pytest.mark.parametrize("via", ["ipxe", "grub"])
def test_erasing_is_chosen_by_a_key_of_its_own_and_never_by_waiting(via):
    script = menu(via)
    assert "6  Erase this laptop (it asks once more)" in script
    assert "cloned.want=erase BOOTIF" in script
    for kind in ("menu", "clone"):
        script = menu(via, kind)
        assert "default erase" not in script
        assert "default=erase" not in script


def test_the_memory_test_under_secure_boot_is_the_signed_kernels_own():
    assert "/memtest.efi" in menu("grub", firmware="uefi")
    secure = menu("grub", firmware="secureboot")
    assert "/memtest.efi" not in secure
    assert "cloned.want=memtest memtest=8 BOOTIF" in secure
    assert secure.count("memtest=8") == 1


def test_disk_first_the_bios_way_or_back_to_the_firmware():
    assert "sanboot --no-describe --drive 0x80" in menu(firmware="bios")
    assert "sanboot" not in menu(firmware="uefi")
    assert "exit 1" in menu(firmware="uefi")


def test_what_a_laptop_calls_itself_cannot_get_into_the_script():
    script = menu("grub", product='X"; }\nreboot; $evil `x` {', serial="${evil}", vendor="Bö\u2028se\0")
    assert "reboot; $" not in script
    assert "evil}" not in script
    assert "Bose" in script
    assert script.count("\n}") == menu("grub").count("\n}")


@given(st.text(max_size=200))
def test_say_is_harmless(text):
    said = say(text)
    assert said.isascii()
    assert not set(said) & set("\"'$`{}|&\\\n\r<>#%")


@pytest.mark.parametrize("via", ["ipxe", "grub"])
def test_refusal_without_a_menu(via):
    script = Menus(BootSettings()).refused('the journal is "full"', via)
    assert 'echo "the journal is full"' in script
    assert script.startswith("#!ipxe") == (via == "ipxe")
