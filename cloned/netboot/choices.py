"""Which boot file a laptop's model wants, and what its last attempts taught us. Pure.

Settings name vendor and product, which a laptop tells only later, in its script request: what it told is kept
for its next boot. Where nothing is set, the order is shim, and `snponly.efi` for one that fetched shim twice
and never came further (some firmware can't start shim from the network); then shim again if that did no better.
A model set to `snponly` or `ipxe` gets shim once after a boot on which that did not start.

GRUB, started by shim without Secure Boot, asks again with the model's name (`chain`): so a model's setting counts on
its very first boot, and where `snponly.efi` came no further the last time, the full drivers are tried, then GRUB alone.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from cloned.config_boot import Model
from cloned.netboot.firmware import BIOS_IPXE, GRUB, IPXE, SHIM, SNPONLY

_MOST = 1024
_TRIES = 2
"""Fetches of shim without a GRUB before something else is tried."""


@dataclass
class _Known:
    vendor: str = ""
    product: str = ""
    shim: int = 0
    """Fetches of shim since GRUB last asked for anything."""
    bare: bool = False
    """An unsigned iPXE for UEFI was fetched, and no script since: Secure Boot refused it, or it fails there."""
    tried: tuple[str, ...] = ()
    """Which iPXE were fetched since one of them last asked for a script."""
    rom: int = 0
    """Fetches of the BIOS's iPXE since it last asked for a script."""


class Choices:
    """Settings by model and lessons by MAC; bounded."""

    def __init__(self, models: Sequence[Model] = ()) -> None:
        self._models = models
        self._known: OrderedDict[str, _Known] = OrderedDict()

    def remember(self, mac: str, vendor: str, product: str, *, by_grub: bool = False) -> None:
        """The laptop named its make; it has come as far as a script."""
        known = self._named(mac, vendor, product)
        known.shim, known.bare, known.rom = 0, False, 0
        if not by_grub:
            known.tried = ()

    def chain(self, mac: str, vendor: str, product: str) -> str:
        """Which iPXE GRUB hands over to where Secure Boot is off; empty: GRUB goes on by itself."""
        known = self._named(mac, vendor, product)
        setting = self.model(mac).uefi
        wanted = {"shim": (), "snponly": (SNPONLY,), "ipxe": (IPXE,)}.get(setting, (SNPONLY, IPXE))
        return next((name for name in wanted if name not in known.tried), "")

    def fetched(self, mac: str, name: str) -> None:
        """The laptop fetched boot file `name` to its end."""
        known = self._of(mac)
        if name == SHIM:
            known.shim, known.bare = known.shim + 1, False
        elif name in (SNPONLY, IPXE):
            known.bare = True
            known.tried = (*dict.fromkeys((*known.tried, name)),)
        elif name == BIOS_IPXE:
            known.rom += 1
        elif name == GRUB or name.startswith("grub/"):
            known.shim = 0

    def model(self, mac: str) -> Model:
        """The first setting that fits, or the defaults."""
        known = self._known.get(mac, _Known())
        for model in self._models:
            given = ((model.vendor, known.vendor), (model.product, known.product), (model.mac, mac))
            if all(fnmatchcase(value.lower(), pattern.lower()) for pattern, value in given):
                return model
        return Model()

    def uefi(self, mac: str) -> str:
        """`auto` (shim first), `snponly`, `ipxe` or `shim` for a UEFI laptop's next boot."""
        known = self._known.get(mac, _Known())
        setting = self.model(mac).uefi
        if setting in ("snponly", "ipxe") and known.bare:
            return "auto"  # it did not start the last time
        if setting != "auto":
            return setting
        return "snponly" if known.shim >= _TRIES and not known.bare else "auto"

    def stuck(self) -> list[tuple[str, str]]:
        """(MAC, boot file) of laptops that fetched a file again and again and never came further."""
        found = [(mac, SHIM) for mac, known in self._known.items() if known.shim >= _TRIES]
        return found + [(mac, BIOS_IPXE) for mac, known in self._known.items() if known.rom > _TRIES]

    def _named(self, mac: str, vendor: str, product: str) -> _Known:
        known = self._of(mac)
        known.vendor, known.product = vendor or known.vendor, product or known.product
        return known

    def _of(self, mac: str) -> _Known:
        known = self._known.setdefault(mac, _Known())
        self._known.move_to_end(mac)
        if len(self._known) > _MOST:
            self._known.popitem(last=False)
        return known
