"""What a laptop is made of, from the bytes that firmware and kernel give."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloned.agent import locks, parts
from cloned.core.hardware import Battery, Hardware, MemorySlot, Screen, hardware


def slot(size: int, kind: int, mhz: int, place: bytes, extended: int = 0) -> bytes:
    body = bytearray(0x28)
    body[0:2] = bytes((17, 0x28))
    body[0x0C:0x0E], body[0x10], body[0x12] = struct.pack("<H", size), 1, kind
    body[0x15:0x17], body[0x1C:0x20] = struct.pack("<H", mhz), struct.pack("<I", extended)
    return bytes(body) + place + b"\0\0"


BIOS = bytes((0, 0x18, 0, 0)) + bytes(0x14) + b"LENOVO\0N22\0\0"
NOTHING = bytes((4, 0x10, 0, 0)) + bytes(0x0C) + b"\0\0"
END = bytes((127, 4, 0, 0)) + b"\0\0"
TABLE = BIOS + NOTHING + slot(8192, 0x1A, 2667, b"ChannelA-DIMM0") + slot(0, 2, 0, b"ChannelB-DIMM0")


def test_memory_slots_with_the_empty_ones() -> None:
    big, unknown = slot(0x7FFF, 0x22, 5600, b"DIMM 1", 64 * 1024), slot(0xFFFF, 0x1A, 0xFFFF, b"DIMM 2")
    assert parts.memory_slots(parts.structures(TABLE + big + unknown + END)) == [
        {"place": "ChannelA-DIMM0", "size": 8 * 2**30, "kind": "DDR4", "mhz": 2667},
        {"place": "ChannelB-DIMM0", "size": 0, "kind": "", "mhz": 0},
        {"place": "DIMM 1", "size": 64 * 2**30, "kind": "DDR5", "mhz": 5600},
        {"place": "DIMM 2", "size": 0, "kind": "DDR4", "mhz": 0},
    ]


@given(st.integers(0, len(TABLE)), st.binary(max_size=60))
def test_a_damaged_table_gives_what_can_be_read(at: int, junk: bytes) -> None:
    hardware({"slots": parts.memory_slots(parts.structures(TABLE[:at] + junk))})


def supply(base: Path, name: str, **files: object) -> None:
    (base / name).mkdir()
    for file, value in files.items():
        (base / name / file).write_text(f"{value}\n")


def test_batteries_by_energy_or_by_charge(tmp_path: Path) -> None:
    supply(tmp_path, "AC", type="Mains")
    supply(tmp_path, "BAT0", type="Battery", energy_full_design=50_200_000, energy_full=38_400_000, cycle_count=312)
    charge = {"charge_full_design": 4_000_000, "charge_full": 3_000_000, "voltage_min_design": 11_400_000}
    supply(tmp_path, "BAT1", type="Battery", cycle_count=0, **charge)
    supply(tmp_path, "hidpp_battery_0", type="Battery", scope="Device")
    assert parts.batteries(str(tmp_path)) == [
        {"name": "BAT0", "design_wh": 50.2, "full_wh": 38.4, "cycles": 312},
        {"name": "BAT1", "design_wh": 45.6, "full_wh": 34.2, "cycles": None},
    ]


def test_wireless_card_tpm_cores_and_date(tmp_path: Path) -> None:
    supply(tmp_path, "0000:02:00.0", **{"class": "0x028000", "vendor": "0x8086", "device": "0x24fd"})
    assert parts.wifi(str(tmp_path)) == "Intel 8086:24fd"
    assert parts.wifi(str(tmp_path / "none")) == ""
    (tmp_path / "class/tpm/tpm0").mkdir(parents=True)
    (tmp_path / "class/tpm/tpm0/tpm_version_major").write_text("2\n")
    assert parts.tpm(str(tmp_path)) == "2.0"
    assert parts.tpm(str(tmp_path / "none")) == ""
    for number, core in enumerate((0, 1, 0, 1)):
        (tmp_path / f"cpu/cpu{number}/topology").mkdir(parents=True)
        (tmp_path / f"cpu/cpu{number}/topology/core_id").write_text(f"{core}\n")
    assert parts.cores(str(tmp_path / "cpu")) == 2
    assert parts.iso_date("03/04/2021") == "2021-03-04"
    assert parts.iso_date("last week") == "last week"


def test_this_very_machine_is_understood() -> None:
    assert hardware(parts.gather()).threads > 0


def test_what_an_agent_says_is_cleaned_and_read_back_the_same() -> None:
    told = {
        "cores": 4,
        "threads": 8,
        "slots": [{"place": "A\x00 \x1b[1m", "size": 2**33, "kind": "DDR4", "mhz": 2667}, "nonsense", {"size": -1}],
        "panel": {"width": 1920, "height": 1080, "width_mm": 309, "height_mm": 174},
        "batteries": [{"name": "BAT0", "design_wh": 50.2, "full_wh": 60.0, "cycles": True}] * 40,
        "wifi": "x" * 500,
        "tpm": 2,
    }
    found = hardware(told)
    assert found.slots == (MemorySlot("A [1m", 2**33, "DDR4", 2667), MemorySlot())
    assert found.panel == Screen(1920, 1080, 309, 174)
    assert found.panel.inches == 14.0
    assert len(found.batteries) == 16
    assert found.batteries[0] == Battery("BAT0", 50.2, 60.0)
    assert found.batteries[0].left == 1.0
    assert (len(found.wifi), found.tpm) == (80, "")
    assert hardware(found.data()) == found


@given(st.recursive(st.none() | st.floats() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["slots", "panel", "batteries", "cores", "size", "width", "height", "design_wh", "full_wh"]), inner)))  # fmt: skip
def test_no_hello_breaks_it(data: object) -> None:
    found = hardware(data)
    assert hardware(found.data()) == found
    assert hardware(None) == Hardware()


def security(settings: int) -> bytes:
    return bytes((24, 5, 0, 0, settings)) + b"\0\0"


@pytest.mark.parametrize(
    ("settings", "there"),
    [
        (0b01_10_10_10, True),
        (0b00_10_01_10, True),
        (0b00_01_00_01, False),
        (0b10_10_10_10, False),
        (0b11_11_11_11, False),
    ],
)
def test_a_power_on_or_administrator_password_is_seen_in_smbios(tmp_path: Path, settings: int, there: bool) -> None:
    found = locks.seen(parts.structures(TABLE + security(settings) + END), str(tmp_path), str(tmp_path / "tables"))
    assert found == ([locks.PASSWORD] if there else [])
    assert list(hardware({"locks": found}).locks) == found


def test_what_makers_tell_of_passwords_and_absolute_is_seen(tmp_path: Path) -> None:
    maker = tmp_path / "thinklmi"
    for path, value in (
        ("authentication/Admin/is_enabled", "1"), ("attributes/AbsolutePersistenceModuleActivation/current_value", "Enable"),
    ):  # fmt: skip
        (maker / path).parent.mkdir(parents=True)
        (maker / path).write_text(value)
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables/WPBT").touch()
    assert locks.seen([], str(tmp_path), str(tmp_path / "tables")) == [locks.PASSWORD, locks.ABSOLUTE, locks.PLANTED]
    (maker / "attributes/AbsolutePersistenceModuleActivation/current_value").write_text("Permanently Disabled")
    assert locks.ABSOLUTE not in locks.seen([], str(tmp_path), str(tmp_path / "tables"))


def test_a_lock_that_nobody_knows_is_not_taken_over() -> None:
    assert hardware({"locks": ["<b>absolute</b>", "absolute", 3]}).locks == ("absolute",)
    assert hardware({"locks": "absolute"}).locks == ()


def test_what_runs_on_a_battery_is_carried_where_its_case_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    worn = {"name": "BAT0", "design_wh": 50.0, "full_wh": 14.0, "cycles": 812}
    for told, batteries, found in ((None, [worn], True), (None, [], None), (False, [worn], False)):
        readings = {
            "tables": lambda told=told: {"portable": told},
            "batteries": lambda batteries=batteries: {"batteries": batteries},
        }
        monkeypatch.setattr(parts, "_READINGS", readings)
        assert parts.gather(60)["portable"] is found
