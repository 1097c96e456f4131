"""A laptop to print papers of."""

from dataclasses import replace
from io import BytesIO

from pypdf import PdfReader

from cloned.core.hardware import Battery, Hardware, MemorySlot, Screen
from cloned.papers.subject import PrintingSite, Storage, Subject

SITE = PrintingSite("Deel IT Mechelen", "http://10.0.0.5:8080")
HASH = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
LAPTOP = Subject(
    id="1f2e3d4c5b",
    number=7,
    tag="DM-2026-0042",
    vendor="LENOVO",
    product="ThinkPad T480s",
    serial="PF1ABCDE",
    firmware="secureboot",
    cpu="Intel(R) Core(TM) i5-8350U CPU @ 1.70GHz",
    memory=16 * 10**9,
    hardware=Hardware(
        4,
        8,
        (MemorySlot("DIMM A", 8 * 2**30, "DDR4", 2667), MemorySlot("DIMM B")),
        Screen(1920, 1080, 309, 174),
        (Battery("BAT0", 50.2, 38.4, 312), Battery("BAT1", 23.1)),
        "Intel Wireless-AC 8265",
        "2.0",
        "N22ET80W (1.57)",
        "2021-03-04",
    ),
    disks=(
        Storage("SAMSUNG MZVLB256HBHQ-000L7", "S4ELNX0M123456", "nvme", 256060514304, "ok", True, 8123, 7, 0),
        Storage("TOSHIBA MQ04ABF100", "Y7XXXX", "sata", 10**12, "failing", False, 31000, None, 17),
    ),
    image="school-2026",
    image_hash=HASH,
    verdict="verified",
    state="done",
    at="2026-11-29T10:00:00Z",
    rounds=1,
    steps=(("grow", "done"), ("hostname", "done"), ("efi-entry", "failed")),
    grade="C",
    needs=("battery", "the firmware's password"),
    tests=(("memory", "passed", "512 MB"), ("wifi", "failed", "its scan failed"), ("battery", "skipped", "charger")),
    remarks=("Its firmware has a password", "No camera answers", "Its battery is worn"),
)
BARE = Subject(id="aa", number=1)
"""What an older agent told, before anything was cloned."""
NASTY = replace(
    LAPTOP,
    vendor="<script>alert(1)</script>",
    product="ThinkPad \u202egnp.exe \x00\x1b[31m \U0001f600 \u05e9\u05dc\u05d5\u05dd \ud800 e\u0301",
    serial="x" * 10_000,
    needs=tuple("n" * 40 for _ in range(60)),
    tests=tuple((f"test {at}", "failed", "w" * 300) for at in range(20)),
    remarks=tuple("r" * 500 for _ in range(60)),
    tag="=cmd|'/C calc'!A0",
    cpu="a b " * 3000,
    disks=tuple(replace(LAPTOP.disks[0], model="M" * 500, serial=str(at)) for at in range(40)),
    hardware=replace(
        LAPTOP.hardware,
        slots=tuple(MemorySlot(f"slot {at}", 2**34, "DDR5", 5600) for at in range(16)),
        batteries=tuple(Battery("B" * 80, 0.1, 1e9, 99_999) for _ in range(16)),
    ),
)


def pages(data: bytes) -> list[str]:
    """The text of each page."""
    return [page.extract_text() for page in PdfReader(BytesIO(data)).pages]
