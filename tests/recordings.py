"""Real drives' own words (tests/data/drives.toml), as the bytes that they were."""

from __future__ import annotations

import struct
import tomllib
from pathlib import Path
from typing import Any

DRIVES: dict[str, list[dict[str, Any]]] = tomllib.loads((Path(__file__).parent / "data" / "drives.toml").read_text())
LBA48 = 1 << 10
"""Of word 83: the size is told in words 100 to 103 too."""


def name(drive: dict[str, Any]) -> str:
    """For a test's name."""
    return str(drive["drive"]).partition(" (")[0]


def identify(drive: dict[str, Any], sectors: int = 0) -> bytes:
    """IDENTIFY DEVICE; with `sectors` as if the drive were as large as that."""
    words = [0] * 256
    for told in drive["words"].split():
        at, value = told.split(":")
        words[int(at)] = int(value, 16)
    if sectors:
        words[60:62] = [sectors & 0xFFFF, sectors >> 16]
        words[100:104] = [sectors & 0xFFFF, sectors >> 16, 0, 0] if words[83] & LBA48 else [0] * 4
    return struct.pack("<256H", *words)


def controller(drive: dict[str, Any]) -> bytes:
    """Identify Controller, as far as it was published."""
    data = bytearray(4096)
    struct.pack_into("<H", data, 256, drive["oacs"])
    struct.pack_into("<I", data, 328, drive["sanicap"])
    struct.pack_into("<I", data, 516, drive["nn"])
    data[524] = drive["fna"]
    return bytes(data)


def sanitize_log(drive: dict[str, Any]) -> bytes:
    """Log page 81h."""
    return struct.pack("<HHIIII", *drive["log"]) + bytes(492)


def ext_csd(drive: dict[str, Any]) -> bytes:
    """EXT_CSD."""
    data = bytearray(512)
    for told in drive["bytes"].split():
        at, value = told.split(":")
        data[int(at)] = int(value, 16)
    return bytes(data)
