"""What this laptop is: read from /sys, /proc and the firmware's tables."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, TypedDict, cast

from cloned import __version__
from cloned.agent import disks, parts, sysfs
from cloned.agent.options import AgentOptions, OptionError
from cloned.agent.readings import gathered
from cloned.agent.secure_boot import firmware_keys
from cloned.json_data import JsonObject
from cloned.saying import Phrase

if TYPE_CHECKING:
    from cloned.agent.smart import Health  # its module is loaded where a disk is asked

_DMI = "/sys/class/dmi/id"
_SECURE_BOOT = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
_ETHERNET = 1
"""ARPHRD_ETHER."""
_OVERRIDES = (
    "uuid",
    "serial",
    "vendor",
    "product",
    "firmware",
    "boot_mac",
    "macs",
    "want",
    "hardware",
    "keys",
    "clock",
)

_SIOCGIFADDR = 0x8915
_LONGEST_SECONDS = 30.0
"""Seconds for disks, parts and what the firmware keeps: each has limits of its own, the longest that of a disk that
hangs. A firmware whose variables cannot be read hangs for ever."""


class NetworkCard(TypedDict):
    """A wired network card; speed and duplex are None without a link."""

    name: str
    mac: str
    speed_mbps: int | None
    duplex: str | None
    driver: str
    usb: bool
    dock: bool


class HelloFacts(TypedDict):
    """The body of a hello. Memory in bytes, clock in seconds since 1970."""

    uuid: str
    serial: str
    vendor: str
    product: str
    macs: list[str]
    boot_mac: str
    firmware: str
    cpu: str
    cores: int
    memory: int
    disks: list[disks.DiskFacts]
    agent: str
    nics: list[NetworkCard]
    hardware: JsonObject
    took: dict[str, float | None]
    want: str
    keys: JsonObject
    clock: int | str
    uptime: float


def gather(options: AgentOptions, address: str = "") -> HelloFacts:
    """The body of a hello, without what did not answer in time.

    `address` is our own, to know the card that the server is reached through.
    """
    told = told_facts(options.facts)
    seen = disks.scan(options.only_disk, disk_facts(told))
    asked, _ = gathered(
        {
            "disks": lambda: {"disks": with_health(seen)},
            "hardware": _timed,
            "firmware": lambda: {"firmware": firmware()},
            "keys": lambda: {"keys": firmware_keys()},
        },
        _LONGEST_SECONDS,
    )
    nics = network_cards()
    found = {
        **smbios(),
        "macs": [nic["mac"] for nic in nics],
        "boot_mac": _boot_mac(options.boot_mac, nics, address),
        "firmware": "",
        "cpu": _cpu(),
        "cores": os.cpu_count() or 1,
        "memory": _memory(),
        "disks": seen,
        "agent": __version__,
        "nics": nics,
        "hardware": {},
        "took": {"hardware": None},
        "want": options.want,
        "keys": {},
        "clock": int(time.time()),
        "uptime": float(sysfs.text("/proc/uptime").split()[0]),
    }
    for part in asked.values():
        found |= part
    return cast("HelloFacts", found | {key: told[key] for key in _OVERRIDES if key in told})


def _timed() -> JsonObject:
    """What the laptop is made of, and the seconds that the hello may have waited for it: disks are asked beside it."""
    began = time.monotonic()
    found = parts.gather()
    return {"hardware": found, "took": {"hardware": round(time.monotonic() - began, 3)}}


def with_health(seen: Sequence[disks.DiskFacts]) -> list[disks.DiskFacts]:
    """What each disk says of its own health, where it can say anything; all are asked at once, for one may hang."""
    able = [disk["path"] for disk in seen if disk["transport"] in ("sata", "nvme", "scsi") and disk["eligible"]]
    if not able:
        return list(seen)
    from cloned.agent import smart  # virtual disks need not wait for it

    said, _ = gathered({path: partial(smart.health, path) for path in able}, smart.TIMEOUT_SECONDS + 1)
    return [_with(disk, said.get(disk["path"])) for disk in seen]


def _with(disk: disks.DiskFacts, said: Health | None) -> disks.DiskFacts:
    if said is None:
        return disk
    hours, worn = said["hours"], said["worn"]
    return {**disk, "smart": said["verdict"], "bad": said["reallocated"], "hours": hours, "worn": worn}


def told_facts(path: str) -> JsonObject:
    """What `--facts FILE` says of a laptop that has no firmware to ask; UsageError if it cannot be read."""
    if not path:
        return {}
    try:
        with open(path, encoding="utf-8") as file:
            data = json.load(file)
    except (OSError, ValueError) as error:
        raise OptionError(Phrase("agent: {path}: {error}", path=path, error=error)) from error
    if not isinstance(data, dict):
        raise OptionError(Phrase("agent: {path} holds no JSON object", path=path))
    return data


def disk_facts(told: JsonObject) -> disks.ToldDisk:
    """The part of the told facts that is about the one disk."""
    return {"serial": told.get("disk_serial"), "wwn": told.get("disk_wwn"), "model": told.get("disk_model")}


def smbios() -> dict[str, str]:
    """Identity from the firmware's tables (SMBIOS 3.x, type 1)."""
    fields = {"uuid": "product_uuid", "serial": "product_serial", "vendor": "sys_vendor", "product": "product_name"}
    found = {key: sysfs.text(f"{_DMI}/{name}") for key, name in fields.items()}
    return found if any(found.values()) else _dmidecode()


def _dmidecode() -> dict[str, str]:
    """The same from dmidecode, where the kernel knows nothing."""
    import subprocess  # rarely needed, and slow to import

    words = {"uuid": "uuid", "serial": "serial-number", "vendor": "manufacturer", "product": "product-name"}
    found: dict[str, str] = {}
    for key, word in words.items():
        try:
            done = subprocess.run(["dmidecode", "-s", f"system-{word}"], capture_output=True, timeout=10, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return dict.fromkeys(words, "")
        found[key] = done.stdout.decode("utf-8", "replace").strip() if done.returncode == 0 else ""
    return found


def network_cards() -> list[NetworkCard]:
    """Every wired network card: MAC, speed in Mbit/s (None without a link), duplex, driver."""
    base = "/sys/class/net"
    cards = [name for name in sysfs.names(base) if _is_card(f"{base}/{name}")]
    return [_card(f"{base}/{name}", name) for name in cards]


def _is_card(path: str) -> bool:
    """A physical Ethernet card; of a network namespace's virtual ones, the end of a veth counts as one."""
    veth = sysfs.number(f"{path}/iflink") != sysfs.number(f"{path}/ifindex")
    wired = sysfs.number(f"{path}/type") == _ETHERNET and not os.path.exists(f"{path}/wireless")
    return wired and (veth or os.path.exists(f"{path}/device"))


def _card(path: str, name: str) -> NetworkCard:
    driver = os.path.basename(os.path.realpath(f"{path}/device/driver"))
    duplex = sysfs.text(f"{path}/duplex")
    return {
        "name": name,
        "mac": sysfs.text(f"{path}/address"),
        "speed_mbps": sysfs.number(f"{path}/speed") or None,
        "duplex": duplex if duplex in ("full", "half") else None,
        "driver": driver if driver != "driver" else "",
        "usb": "/usb" in os.path.realpath(f"{path}/device"),
        "dock": sysfs.unplugs(os.path.realpath(f"{path}/device")),
    }


def _boot_mac(told: str, cards: list[NetworkCard], address: str) -> str:
    """The card it booted through: the firmware's word if we have such a card, else the one that has our address."""
    if any(card["mac"] == told for card in cards):
        return told
    by_address = interface_of(address)
    used = [card["mac"] for card in cards if card["name"] == by_address]
    return used[0] if used else told or (cards[0]["mac"] if cards else "")


def interface_of(address: str) -> str:
    """Name of the network interface that has this IPv4 address; empty if none has."""
    names = sysfs.names("/sys/class/net") if address else []
    return next((name for name in names if _address_of(name) == address), "")


def _address_of(interface: str) -> str:
    import fcntl
    import struct

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            answer = fcntl.ioctl(probe.fileno(), _SIOCGIFADDR, struct.pack("256s", interface.encode()[:15]))
        except OSError:
            return ""
    return socket.inet_ntoa(answer[20:24])


def firmware() -> str:
    """bios, uefi or secureboot (UEFI specification 2.10, §3.3: the variable SecureBoot)."""
    if not os.path.isdir("/sys/firmware/efi"):
        return "bios"
    value = sysfs.raw(_SECURE_BOOT)  # 4 bytes of attributes come first
    return "secureboot" if value[4:5] == b"\1" else "uefi"


def _cpu() -> str:
    for line in sysfs.text("/proc/cpuinfo").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return ""


def _memory() -> int:
    """Bytes of memory that Linux has."""
    first = sysfs.text("/proc/meminfo").splitlines()[:1]
    return int(first[0].split()[1]) * 1024 if first else 0
