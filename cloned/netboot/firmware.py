"""Who asks: boot ROM, firmware or iPXE, for which processor, and which file it can start.

Pure. Processor types are from RFC 4578 §2.1 and IANA's registry; user class and option 175 are iPXE's;
what real firmware sends was measured, and is kept as golden packets in tests/wire/golden.

Which file first on UEFI? A laptop does not say in DHCP whether Secure Boot is on, and one power-on has to be
enough. An unsigned `snponly.efi` on such a laptop ends in "Access Denied", mostly with a key to press;
Debian's signed shim starts on both. So `auto` answers shim, whose GRUB knows the truth (`$lockdown` is `y`
exactly under Secure Boot): there it loads the signed kernel itself, else it chains to `snponly.efi`, which
fetches several times faster. Measured with OVMF without Secure Boot, emulated on two busy cores, from the first file
to the running kernel: `snponly` at once 48 s, `auto` 68 s, kernel through GRUB 131 s; idle, the detour through shim
and GRUB takes 4 s. GRUB is slow because it names no segment size, so that TCP sends it 536 bytes at a time.
A model that can't bear that way says `uefi = "snponly"` or `"ipxe"` (full drivers), or `"shim"` (GRUB loads the
kernel even without Secure Boot).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from cloned.netboot.packet import Option, Packet, printable, suboptions, user_classes
from cloned.saying import Phrase

SHIM = "shimx64.efi"
GRUB = "grubx64.efi"
SNPONLY = "snponly.efi"
IPXE = "ipxe.efi"
BIOS_IPXE = "undionly.kpxe"


class BootPath(StrEnum):
    """How the client wants to be booted."""

    NONE = "none"
    """It does not boot from the network at all: an operating system or a phone."""
    PXE = "pxe"
    """A boot ROM or UEFI firmware that fetches by TFTP (option 60 `PXEClient`)."""
    HTTP = "http"
    """UEFI HTTP boot (option 60 `HTTPClient`, UEFI 2.5 §24.7)."""
    IPXE = "ipxe"
    """iPXE that can fetch its script by HTTP."""


BIOS, UEFI = "bios", "uefi"

_PROCESSORS = {
    0: (BIOS, ""),
    7: (UEFI, ""),
    9: (UEFI, ""),
    16: (UEFI, ""),
    6: (UEFI, Phrase("32-bit UEFI")),
    15: (UEFI, Phrase("32-bit UEFI")),
    10: (UEFI, Phrase("32-bit ARM")),
    18: (UEFI, Phrase("32-bit ARM")),
    11: (UEFI, "ARM64"),
    19: (UEFI, "ARM64"),
}
"""Type → firmware, and what it is where we have nothing for it. 7 is "EBC" by the letter of the RFC and
x86-64 in every machine built; 9 is the corrected number. 15, 16, 18 and 19 are the HTTP boot forms."""

_HTTP_FEATURE = 0x13
"""Sub-option of iPXE's option 175 (DHCP_EB_FEATURE_HTTP): it has an HTTP client."""


@dataclass(frozen=True)
class BootClient:
    """What a DHCP request tells about who sent it."""

    way: BootPath
    arch: int | None = None
    firmware: str = ""
    """`bios` or `uefi`; empty where it is not known."""
    refusal: str = ""
    """In words, why we have nothing for it to start."""

    @property
    def boots(self) -> bool:
        """Whether it wants a boot file and there is one for it."""
        return self.way is not BootPath.NONE and not self.refusal

    def __str__(self) -> str:
        if self.way is BootPath.NONE:
            return Phrase("not a network boot")
        return f"{self.way} {self.firmware or '?'} (architecture {'?' if self.arch is None else self.arch})"


_NO_BOOT = BootClient(BootPath.NONE)


def classify(packet: Packet) -> BootClient:
    """Tell from its options what sent a request."""
    options = packet.options
    vendor, words = options.get(Option.CLASS, b""), options.get(Option.USER_CLASS, b"")
    if not vendor and not words:
        return _NO_BOOT
    return _client(vendor, words, options.get(Option.ARCHITECTURE, b""), options.get(Option.IPXE, b""))


@lru_cache(maxsize=256)
def _client(class_: bytes, words: bytes, architecture: bytes, features: bytes) -> BootClient:
    """What these options tell. Kept: all laptops of a model say the same, each time."""
    vendor = printable(class_)
    arch = _architecture(architecture, vendor)
    if b"iPXE" in user_classes(words):
        firmware, refusal = _processor(arch)
        # an iPXE without HTTP (some boot ROMs) is treated as the plain ROM it replaced: it gets ours
        return BootClient(BootPath.IPXE if _has_http(features) else BootPath.PXE, arch, firmware, refusal)
    if vendor.startswith("HTTPClient"):
        return BootClient(BootPath.HTTP, arch, *_processor(arch))
    if vendor.startswith("PXEClient"):
        return BootClient(BootPath.PXE, arch, *_processor(arch))
    return _NO_BOOT


def is_ipxe(packet: Packet) -> bool:
    """Whether iPXE sent it: user class `iPXE`, bare as it says it, or one of a list with lengths (RFC 3004)."""
    user_class = packet.options.get(Option.USER_CLASS)
    if user_class is None:
        return False
    return b"iPXE" in user_classes(user_class)


def boot_file(client: BootClient, choice: str = "auto") -> str:
    """The first file for a client that `boots` and is not iPXE; `choice` is the model's `uefi` setting."""
    if client.firmware == BIOS:
        return BIOS_IPXE
    return {"snponly": SNPONLY, "ipxe": IPXE}.get(choice, SHIM)


def _has_http(told: bytes) -> bool:
    features = suboptions(told)
    return not features or _HTTP_FEATURE in features


def _architecture(option: bytes, vendor: str) -> int | None:
    """The first type in option 93, else the one in `PXEClient:Arch:00007:…`."""
    if len(option) >= 2:
        return int.from_bytes(option[:2], "big")
    parts = vendor.split(":")
    if len(parts) >= 3 and parts[1] == "Arch" and parts[2].isascii() and parts[2].isdigit():
        return int(parts[2][:5])
    return None


def _processor(arch: int | None) -> tuple[str, str]:
    """(firmware, refusal in words or nothing). RFC 4578 §2.1: a PXE client without option 93 is a BIOS."""
    if arch is None:
        return BIOS, ""
    firmware, what = _PROCESSORS.get(arch, ("", Phrase("this kind of machine")))
    if not what:
        return firmware, ""
    return (
        firmware,
        Phrase(
            "{what} (architecture {arch}) is not supported: boot files are there for BIOS and for 64-bit x86 UEFI",
            what=what,
            arch=arch,
        ),
    )
