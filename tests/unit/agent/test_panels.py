"""The built-in screen, by the EDID that a graphics driver or a BIOS gives."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloned.agent import panels, parts

HD = {"width": 1920, "height": 1080, "width_mm": 309, "height_mm": 174}


def edid(width: int = 1920, height: int = 1080, wide: int = 309, high: int = 174) -> bytes:
    """With nothing in it but its first detailed timing, and a right sum."""
    data = bytearray(128)
    data[:8] = b"\0\xff\xff\xff\xff\xff\xff\0"
    data[54:56] = b"\x01\x01"
    data[56], data[58], data[59], data[61] = width & 0xFF, width >> 8 << 4, height & 0xFF, height >> 8 << 4
    data[66], data[67], data[68] = wide & 0xFF, high & 0xFF, wide >> 8 << 4 | high >> 8
    data[127] = -sum(data) & 0xFF
    return bytes(data)


def test_the_built_in_screen_is_told_and_no_other(tmp_path: Path) -> None:
    for name, content in (("card0-HDMI-A-1", edid(2560, 1440, 597, 336)), ("card0-eDP-1", edid()), ("version", b"")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "edid").write_bytes(content)
    assert panels.panel(str(tmp_path)) == HD
    (tmp_path / "card0-eDP-1" / "edid").write_bytes(b"")
    assert panels.panel(str(tmp_path)) is None


def told(tmp_path: Path, data: bytes) -> dict[str, int] | None:
    file = tmp_path / "data"
    file.write_bytes(bytes(0x140) + data + bytes(4096 - 0x140 - len(data)))
    return panels.of_firmware(str(file))


def test_a_bios_tells_of_the_screen_that_it_shows_on(tmp_path: Path) -> None:
    assert told(tmp_path, edid()) == HD
    assert panels.of_firmware(str(tmp_path / "none")) is None, "a kernel that was started by UEFI was told nothing"


@pytest.mark.parametrize(
    "data",
    [
        edid(2560, 1440, 597, 336),  # 27 inches: it stands on the desk
        edid(wide=0, high=0),  # a projector
        edid()[:-1] + b"\0",  # a wrong sum
        b"\x13" * 128,  # what the kernel has where the BIOS said nothing
        b"",
    ],
    ids=["27 inches", "no size", "wrong sum", "nothing said", "zeros"],
)
def test_what_may_be_no_screen_of_a_laptop_is_not_told(tmp_path: Path, data: bytes) -> None:
    assert told(tmp_path, data) is None


@pytest.mark.parametrize("data", [b"", bytes(128), edid()[:100]])
def test_what_is_no_edid_is_none(data: bytes) -> None:
    assert panels.edid(data) is None


@pytest.mark.parametrize(
    ("portable", "by_driver", "found"),
    [(True, None, HD), (False, None, None), (None, None, None), (True, {"width": 1366}, {"width": 1366})],
)
def test_the_bios_counts_for_a_laptop_whose_screen_no_driver_tells(
    monkeypatch: pytest.MonkeyPatch,
    portable: bool | None,
    by_driver: dict[str, int] | None,
    found: dict[str, int] | None,
) -> None:
    readings = {"tables": lambda: {"portable": portable}, "panel": lambda: {"panel": by_driver}}
    monkeypatch.setattr(parts, "_READINGS", readings)
    monkeypatch.setattr(panels, "of_firmware", lambda: HD)
    assert parts.gather()["panel"] == found
