from typing import Any

from cloned.agent.hardware import compose, memory_test
from cloned.agent.screen import WIDTH

DISK = {
    "path": "/dev/nvme0n1",
    "size": 256_060_514_304,
    "transport": "nvme",
    "rotational": False,
    "model": "SAMSUNG MZVLB256",
    "serial": "S41GNX0M",
    "why_not": "",
    "smart": {"verdict": "ok", "reallocated": 0},
}
STICK = {
    **DISK,
    "path": "/dev/sda",
    "transport": "usb",
    "why_not": "USB",
    "smart": {"verdict": "unknown", "reallocated": None},
}
WORN = {
    **DISK, "path": "/dev/sdb", "transport": "sata", "rotational": True,
    "smart": {"verdict": "failing", "reallocated": 12},
}  # fmt: skip
CARD = {"name": "eth0", "mac": "8c:16:45:00:00:01", "speed_mbps": 1000, "duplex": "full", "driver": "e1000e"}


def found(**fields: Any) -> dict[str, Any]:
    return {
        "vendor": "LENOVO",
        "product": "20L5",
        "serial": "PF1",
        "uuid": "4c4c4544-0039-4210-8052-b7c04f4e3732",
        "firmware": "secureboot",
        "bios": "N24ET50W 10/31/2019",
        "cpu": "Intel Core i5-8250U",
        "cores": 8,
        "memory": 8 << 30,
        "batteries": [("BAT0", 71)],
        "disks": [DISK],
        "nics": [CARD],
        "memtest": [],
        **fields,
    }


def test_everything_a_refurbisher_asks_for_is_on_one_screen() -> None:
    lines = compose(found(disks=[DISK, STICK, WORN]))
    text = "\n".join(lines)
    for word in (
        "LENOVO 20L5", "PF1", "4c4c4544-0039", "UEFI, Secure Boot on  N24ET50W", "i5-8250U, 8 cores", "8.0 GiB",
        "71 %", "nvme0n1  256.1 GB  NVMe SSD  SAMSUNG MZVLB256 S41GNX0M  SMART: good", "8c:16:45:00:00:01  1000 Mbit/s",
        "USB SSD", "(USB)", "SATA hard disk", "FAILING, replace it, 12 bad sectors",
    ):  # fmt: skip
        assert word in " ".join(text.split("\n")) or word in text, word
    assert len(lines) <= 23
    assert max(map(len, lines)) <= WIDTH


def test_nothing_found_is_said_too() -> None:
    lines = compose(found(disks=[], nics=[], serial="", vendor="", product="", batteries=[]))
    assert "Disk       none found" in lines
    assert "Network    none found" in lines
    assert "Serial     none" in lines


def test_the_kernels_memory_test() -> None:
    began = "6,1,0,-;early_memtest: # of tests: 8\n6,2,0,-;  0x0000000000100000 - 0x0000000002000000 pattern 5555\n"
    bad = "6,3,0,-;  5555555555555555 bad mem addr 0x0000000000200000 - 0x0000000000201000 reserved\n"
    assert memory_test("nothing of the kind") == []
    assert memory_test(began) == ["Memory test: 8 patterns, nothing wrong"]
    assert memory_test(began + bad + bad)[0].startswith("Memory test: 1 BAD place,")
    assert "0x0000000000200000" in memory_test(began + bad)[1]
