"""What speaks against a laptop, from the bytes that firmware and kernel give."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from cloned.agent import parts, signs
from cloned.agent.readings import gathered
from cloned.agent.signs import Structure
from cloned.core.hardware import Hardware, hardware


def security(byte: int) -> list[Structure]:
    return [(24, bytes((24, 5, 0, 0, byte)), [])]


@pytest.mark.parametrize(
    ("byte", "found"),
    [
        (0b01_00_01_00, ["power-on", "administrator"]),
        (0b00_01_00_00, ["keyboard"]),
        (0b00_00_00_00, []),
        (0b10_10_10_10, None),  # not implemented
        (0b11_11_11_11, None),  # unknown
        (0b10_10_01_10, ["administrator"]),
    ],
)
def test_passwords_of_the_firmware(byte: int, found: list[str] | None) -> None:
    assert signs.passwords(security(byte)) == found


def test_nothing_said_of_passwords_is_not_none_set() -> None:
    assert signs.passwords([]) is None
    assert signs.passwords([(24, b"\x18\x04\0\0", [])]) is None


@pytest.mark.parametrize(("kind", "found"), [(10, True), (0x8A, True), (3, False), (1, None), (2, None)])
def test_a_case_that_is_carried(kind: int, found: bool | None) -> None:
    assert signs.portable([(3, bytes((3, 0x0D, 0, 0, 1, kind)), [])]) is found


def test_tables_of_the_firmware(tmp_path: Path) -> None:
    assert signs.tables(str(tmp_path)) == {"wpbt": None, "product_key": None}
    (tmp_path / "FACP").touch()
    assert signs.tables(str(tmp_path)) == {"wpbt": False, "product_key": False}
    (tmp_path / "MSDM").write_bytes(b"MSDM" + bytes(52) + b"XXXXX-XXXXX-XXXXX-XXXXX-XXXXX")
    (tmp_path / "WPBT").touch()
    assert signs.tables(str(tmp_path)) == {"wpbt": True, "product_key": True}


def files(folder: Path, **values: str) -> None:
    folder.mkdir(parents=True)
    for name, value in values.items():
        (folder / name).write_text(f"{value}\n")


def test_camera_and_bluetooth_answer_on_usb(tmp_path: Path) -> None:
    assert signs.usb_parts(str(tmp_path)) == {"camera": None, "bluetooth": None}
    files(tmp_path / "usb1")
    files(tmp_path / "1-1:1.0", bInterfaceClass="03", bInterfaceSubClass="01", bInterfaceProtocol="01")
    assert signs.usb_parts(str(tmp_path)) == {"camera": False, "bluetooth": False}
    files(tmp_path / "1-2:1.0", bInterfaceClass="0e", bInterfaceSubClass="01", bInterfaceProtocol="00")
    files(tmp_path / "1-3:1.0", bInterfaceClass="e0", bInterfaceSubClass="01", bInterfaceProtocol="01")
    assert signs.usb_parts(str(tmp_path)) == {"camera": True, "bluetooth": True}


def test_usb_is_looked_at_again_before_a_camera_is_called_missing(tmp_path: Path, monkeypatch) -> None:
    files(tmp_path / "1-1:1.0", bInterfaceClass="03", bInterfaceSubClass="01", bInterfaceProtocol="01")
    late = {"bInterfaceClass": "0e", "bInterfaceSubClass": "01", "bInterfaceProtocol": "00"}
    monkeypatch.setattr(signs.time, "sleep", lambda _: files(tmp_path / "1-2:1.0", **late))
    assert signs.usb_parts_again(str(tmp_path)) == {"camera": True, "bluetooth": False}
    monkeypatch.setattr(signs.time, "sleep", lambda _: None)
    assert signs.usb_parts_again(str(tmp_path / "none")) == {"camera": None, "bluetooth": None}


def test_sound_and_what_hides_disks(tmp_path: Path) -> None:
    files(tmp_path / "0000:00:1f.3", **{"class": "0x040300", "vendor": "0x8086", "device": "0x9d71"})
    assert signs.pci_parts(str(tmp_path)) == {"sound": True, "hides_disks": ""}
    files(tmp_path / "0000:00:17.0", **{"class": "0x010400", "vendor": "0x8086", "device": "0x282a"})
    assert signs.pci_parts(str(tmp_path))["hides_disks"] == "RAID"
    files(tmp_path / "0000:00:0e.0", **{"class": "0x010400", "vendor": "0x8086", "device": "0x9a0b"})
    assert signs.pci_parts(str(tmp_path))["hides_disks"] == "VMD"


def test_charger_and_clock(tmp_path: Path) -> None:
    assert signs.charger(str(tmp_path)) is None
    files(tmp_path / "BAT0", type="Battery", online="1")
    assert signs.charger(str(tmp_path)) is None
    files(tmp_path / "AC", type="Mains", online="0")
    assert signs.charger(str(tmp_path)) is False
    (tmp_path / "AC" / "online").write_text("1\n")
    assert signs.charger(str(tmp_path)) is True
    assert signs.clock(str(tmp_path)) == ""
    (tmp_path / "since_epoch").write_text("1230768000\n")
    assert signs.clock(str(tmp_path)) == "2009-01-01"


def signatures(kind: bytes, *entries: bytes) -> bytes:
    """A list of a signature database (UEFI 2.10, §32.4.1)."""
    sizes = (28 + sum(map(len, entries)), 0, len(entries[0]))
    return kind + b"".join(size.to_bytes(4, "little") for size in sizes) + b"".join(entries)


def test_whom_secure_boot_trusts_and_what_it_refuses(tmp_path: Path) -> None:
    x509, sha256 = bytes(16), bytes.fromhex("2616c4c14c509240aca941f936934328")
    owner = bytes(16)
    old, new = b"\x13\x22Microsoft Corporation UEFI CA 2011\x30\x82", b"\x13\x14Windows UEFI CA 2023\x30\x82"
    database = signatures(x509, owner + old) + signatures(x509, owner + new)
    (tmp_path / f"db-{signs._IMAGE_SECURITY}").write_bytes(b"\x27\0\0\0" + database)
    refused = signatures(sha256, owner + bytes(32), owner + bytes(32)) + signatures(x509, owner + old)
    (tmp_path / f"dbx-{signs._IMAGE_SECURITY}").write_bytes(b"\x27\0\0\0" + refused)
    assert signs.secure_boot(str(tmp_path)) == {
        "authorities": ["Windows UEFI CA 2023", "Microsoft Corporation UEFI CA 2011"],
        "revoked": 2,
    }
    assert signs.secure_boot(str(tmp_path / "none")) == {"authorities": [], "revoked": None}


def test_a_reading_that_hangs_or_fails_does_not_hold_up_the_others() -> None:
    for_ever = threading.Event()

    def broken() -> None:
        raise ValueError("a table that lies")

    found, late = gathered({"a": lambda: {"x": 1}, "hangs": for_ever.wait, "broken": broken}, longest=0.05)
    for_ever.set()
    assert found == {"a": {"x": 1}}
    assert late == ["hangs", "broken"]


def test_a_hello_says_what_did_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    never = threading.Event()
    monkeypatch.setitem(parts._READINGS, "batteries", lambda: {"batteries": [never.wait()]})
    found = hardware(parts.gather(0.05))
    never.set()
    assert "batteries" in found.late
    assert found.batteries == ()


def test_tables_that_lie_become_not_told() -> None:
    found = hardware(
        {
            "threads": 4,
            "batteries": [{"name": "B" * 10_000, "design_wh": -50, "full_wh": float("nan"), "cycles": 65_535}],
            "camera": "perhaps",
            "passwords": "administrator",
            "authorities": [7, None, "x" * 10_000],
            "revoked": -3,
            "late": ["batteries"] * 500,
        }
    )
    (battery,) = found.batteries
    assert (len(battery.name), battery.left, battery.cycles) == (80, None, None)
    assert (found.camera, found.passwords, found.revoked) == (None, None, 0)
    assert found.authorities == ("x" * 80,)
    assert len(found.late) == 16
    assert hardware(found.data()) == found


def test_what_an_older_agent_says_is_not_told() -> None:
    assert hardware({}) == Hardware()
    assert not Hardware().known
