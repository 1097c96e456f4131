"""The parts of a virtual laptop: what its firmware tells, made for QEMU as makers make it for theirs.

SMBIOS structures come from files (`-smbios file=`), batteries and the charger from a table that ACPI's own compiler
made (`-acpitable`), the camera from a USB device of ours (camera.py), sound from QEMU.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

from cloned import processes
from cloned.json_data import JsonObject, as_float, as_int, as_objects
from cloned.lab import windows_key

NEEDS = "iasl"
"""ACPI's compiler, of Debian's acpica-tools."""
_PASSWORDS = {"power-on": 6, "keyboard": 4, "administrator": 2}
"""Where in the byte of SMBIOS 3.7, §7.25 each one's state stands; 0 is none set, 1 set."""
_NOTEBOOK, _DESKTOP = 10, 3
_SSDT = """
DefinitionBlock ("", "SSDT", 2, "CLONED", "LABPARTS", 1)
{{
    Scope (\\_SB)
    {{
        Device (AC0)
        {{
            Name (_HID, "ACPI0003")
            Name (_PCL, Package () {{ \\_SB }})
            Method (_PSR, 0) {{ Return ({online}) }}
            Method (_STA, 0) {{ Return (0x0F) }}
        }}
{batteries}
    }}
}}
"""
_BATTERY = """
        Device ({name})
        {{
            Name (_HID, EisaId ("PNP0C0A"))
            Name (_UID, {number})
            Name (_PCL, Package () {{ \\_SB }})
            Method (_STA, 0) {{ Return (0x1F) }}
            Method (_BIX, 0) {{ Return (Package () {{
                0, 0, {design}, {full}, 1, 11400, {warning}, {low}, {cycles}, 95000, 1000, 500, 1000, 500, 10, 10,
                "LAB", "{number}", "LION", "CLONED" }}) }}
            Method (_BIF, 0) {{ Return (Package () {{
                0, {design}, {full}, 1, 11400, {warning}, {low}, 10, 10, "LAB", "{number}", "LION", "CLONED" }}) }}
            Method (_BST, 0) {{ Return (Package () {{ {state}, {rate}, {left}, 11400 }}) }}
        }}
"""
"""ACPI 6.5, §10.2.2; powers in mW and mWh."""


def arguments(parts: JsonObject, folder: Path, camera: Path | None) -> list[str]:
    """QEMU's arguments for the parts of a laptop (as a hello tells them); what is not named in `parts` is not made.

    `camera`: the socket of the camera that answers. Writes the tables into `folder`.
    """
    given: list[str] = []
    for kind, body in structures(parts):
        file = folder / f"smbios-{kind}.bin"
        file.write_bytes(body)
        given += ["-smbios", f"file={file}"]
    if date := str(parts.get("firmware_date") or ""):
        year, month, day = date.split("-")
        given += ["-smbios", f"type=0,vendor=Lab,version=1.0,date={month}/{day}/{year},uefi=on"]
    for file in tables(parts, folder):
        given += ["-acpitable", f"file={file}"]
    given += _sound(folder) if parts.get("sound") else []
    if parts.get("camera") and camera is not None:
        given += [
            "-chardev",
            f"socket,id=camera,path={camera},reconnect=1",
            "-device",
            "usb-redir,chardev=camera,bus=usb.0",
        ]
    return given


def structures(parts: JsonObject) -> Iterator[tuple[int, bytes]]:
    """Type and bytes of SMBIOS structures: the case (type 3), passwords (type 24)."""
    if isinstance(parts.get("portable"), bool):
        case = _NOTEBOOK if parts["portable"] else _DESKTOP
        body = struct.pack("<BBHBBBBBBBBBIBBBBB", 3, 0x16, 0x0300, 1, case, 0, 0, 0, 3, 3, 3, 2, 0, 0, 1, 0, 0, 0)
        yield 3, body + b"Lab\0\0"
    if isinstance(names := parts.get("passwords"), list | tuple):
        settings = sum(1 << _PASSWORDS[name] for name in names)
        yield 24, struct.pack("<BBHB", 24, 5, 0x1800, settings) + b"\0\0"


def tables(parts: JsonObject, folder: Path) -> Iterator[Path]:
    """Files with ACPI tables: batteries and charger, a key for Windows, a program that is put into Windows."""
    if parts.get("batteries") is not None or parts.get("charger") is not None:
        yield _compiled(source(parts), folder)
    if parts.get("product_key"):
        yield _table(
            folder, b"MSDM", windows_key.body(windows_key.made_up(as_int(parts.get("product_key_group") or 0)))
        )
    if parts.get("wpbt"):
        yield _table(folder, b"WPBT", struct.pack("<IQBBH", 0, 0, 1, 1, 0))


def source(parts: JsonObject) -> str:
    """The batteries and the charger in ACPI's own language."""
    online = parts.get("charger") is not False
    found = enumerate(as_objects(parts.get("batteries") or ()))
    batteries = "".join(_battery(each, number, online=online) for number, each in found)
    return _SSDT.format(online=int(online), batteries=batteries)


def _battery(told: JsonObject, number: int, *, online: bool) -> str:
    design, full = (round(1000 * as_float(told[key])) for key in ("design_wh", "full_wh"))
    left = full if online else full * 2 // 3
    return _BATTERY.format(
        name=f"BAT{number}", number=number, design=design, full=full, warning=full // 10, low=full // 20,
        cycles=as_int(told.get("cycles") or 0), state=0 if online else 1, rate=0 if online else 12000, left=left,
    )  # fmt: skip


def _compiled(text: str, folder: Path) -> Path:
    """As iasl makes it; ClonedError with its words where it cannot."""
    (folder / "parts.asl").write_text(text)
    processes.run([processes.need(NEEDS), "-p", folder / "parts", folder / "parts.asl"])
    return folder / "parts.aml"


def _table(folder: Path, signature: bytes, body: bytes) -> Path:
    """A table with its header (ACPI 6.5, §5.2.6), its sum right."""
    head = struct.pack("<4sIBB6s8sI4sI", signature, 36 + len(body), 1, 0, b"CLONED", b"LABPARTS", 1, b"LAB ", 1)
    data = bytearray(head + body)
    data[9] = -sum(data) & 0xFF
    file = folder / f"{signature.decode().lower()}.bin"
    file.write_bytes(data)
    return file


def _sound(folder: Path) -> list[str]:
    """A sound card whose loudspeaker is recorded to a file."""
    return [
        "-audiodev", f"wav,id=sound,path={folder / 'speaker.wav'}",
        "-device", "intel-hda", "-device", "hda-duplex,audiodev=sound",
    ]  # fmt: skip
