"""An agent's words, made safe: whatever a laptop sends becomes clean values or a ValueError."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping

from cloned.core.disk_names import named
from cloned.core.disks import Disk
from cloned.core.hardware import hardware
from cloned.core.ids import clean, normal_mac
from cloned.core.laptop import Facts
from cloned.core.secure_boot import FirmwareKeys
from cloned.disk.manifest import DIGEST_BYTES, ReadBack
from cloned.disk.signed import HASH, KEY
from cloned.json_data import as_text

MOST_DISKS = 32
MOST_CARDS = 64
MOST_KEYS, MOST_LEVELS = 1024, 64
"""What a firmware lists: dbx has some hundreds."""
WISHES = ("capture", "erase")
"""What may be chosen in a laptop's boot menu that the workshop must know of."""


def facts(data: object) -> Facts:
    """Facts from the JSON of a hello; unusable fields are left out, a body that is no object is a ValueError."""
    if not isinstance(data, Mapping):
        raise ValueError("a hello is a JSON object")
    macs = data.get("macs")
    identity = clean(
        _text(data, "uuid"),
        _text(data, "serial"),
        _text(data, "vendor"),
        _text(data, "product"),
        [str(mac) for mac in macs[:MOST_CARDS]] if isinstance(macs, list) else [],
    )
    disks = data.get("disks")
    found = [_disk(each) for each in disks[:MOST_DISKS] if isinstance(each, Mapping)] if isinstance(disks, list) else []
    boot_mac = normal_mac(_text(data, "boot_mac"))
    firmware = _text(data, "firmware")
    nic = _booted_through(data.get("nics"), boot_mac)
    return Facts(
        identity=identity,
        boot_mac=boot_mac,
        firmware=firmware if firmware in ("bios", "uefi", "secureboot") else "",
        cpu=_text(data, "cpu"),
        memory=_number(data, "memory"),
        speed_mbps=_number(nic, "speed_mbps") or None,
        disks=named(found),
        wants=want if (want := data.get("want")) in WISHES else "",
        half_duplex=nic.get("duplex") == "half",
        dongles=_dongles(data.get("nics")),
        hardware=hardware(data.get("hardware")),
        keys=_keys(data.get("keys")),
        clock=_number(data, "clock"),
    )


def _disk(data: Mapping[str, object]) -> Disk:
    return Disk(
        path=_text(data, "path"),
        size=_number(data, "size"),
        sector_size=_number(data, "sector_size") or 512,
        serial=_text(data, "serial"),
        wwn=_text(data, "wwn"),
        model=_text(data, "model"),
        transport=_text(data, "transport"),
        eligible=data.get("eligible") is True,
        why_not=_text(data, "why_not"),
        smart=_text(data, "smart") or "unknown",
        asks=_text(data, "asks"),
        hours=_figure(data, "hours"),
        worn=_figure(data, "worn"),
        bad=_figure(data, "bad"),
    )


def _keys(told: object) -> FirmwareKeys:
    """What its firmware trusts; nothing where that makes no sense."""
    if not isinstance(told, Mapping):
        return FirmwareKeys()
    trusted, revoked = (_digits(told.get(name)) for name in ("trusted", "revoked"))
    levels = told.get("sbat")
    pairs = [each for each in levels[:MOST_LEVELS] if _is_level(each)] if isinstance(levels, list) else []
    return FirmwareKeys(trusted, revoked, tuple((name[:64], level) for name, level in pairs))


def _digits(told: object) -> tuple[str, ...]:
    texts = [each for each in told[:MOST_KEYS] if isinstance(each, str)] if isinstance(told, list) else []
    return tuple(each for each in texts if len(each) in (HASH, KEY) and set(each) <= set("0123456789abcdef"))


def _is_level(told: object) -> bool:
    if not isinstance(told, list) or len(told) != 2:
        return False
    name, level = told
    return isinstance(name, str) and isinstance(level, int) and 0 <= level < 2**31 and name.isprintable()


def _dongles(nics: object) -> tuple[str, ...]:
    """The cards that hang on USB or Thunderbolt."""
    told = nics[:MOST_CARDS] if isinstance(nics, list) else []
    cards = (nic for nic in told if isinstance(nic, Mapping) and True in (nic.get("usb"), nic.get("dock")))
    macs = (normal_mac(_text(nic, "mac")) for nic in cards)
    return tuple(dict.fromkeys(mac for mac in macs if mac))


def _booted_through(nics: object, boot_mac: str) -> Mapping[str, object]:
    """What it says of the card it booted through, nothing if that is not among `nics`."""
    for nic in nics if isinstance(nics, list) else []:
        if isinstance(nic, Mapping) and normal_mac(_text(nic, "mac")) == boot_mac:
            return nic
    return {}


def _text(data: Mapping[str, object], key: str) -> str:
    value = data.get(key)
    return "".join(char for char in value if char.isprintable()).strip()[:120] if isinstance(value, str) else ""


def _number(data: Mapping[str, object], key: str) -> int:
    value = data.get(key)
    return int(value) if isinstance(value, int | float) and 0 <= value < 2**63 else 0


def _figure(data: Mapping[str, object], key: str) -> int | None:
    """A count that may not have been told."""
    value = data.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53 else None


def read_back(data: Mapping[str, object]) -> ReadBack:
    """A read-back from its JSON; 32 zero bytes stand for a piece that could not be read. ValueError if malformed."""
    try:
        digests = base64.b64decode(as_text(data["pieces"]), validate=True)
        boot_code, gap = _digest(data.get("boot_code")), _digest(data.get("gap"))
        layout = data["layout"]
    except (KeyError, TypeError, binascii.Error) as error:
        raise ValueError(f"a read-back lacks a part or has a malformed one ({error})") from error
    if len(digests) % DIGEST_BYTES or not isinstance(layout, str):
        raise ValueError("a read-back has digests of 32 bytes each and a layout text")
    pieces = (digests[at : at + DIGEST_BYTES] for at in range(0, len(digests), DIGEST_BYTES))
    return ReadBack(layout, boot_code, gap, tuple(piece if any(piece) else b"" for piece in pieces))


def _digest(text: object) -> bytes | None:
    if text is None:
        return None
    digest = bytes.fromhex(as_text(text))
    if len(digest) != DIGEST_BYTES:
        raise ValueError("a SHA-256 has 32 bytes")
    return digest
