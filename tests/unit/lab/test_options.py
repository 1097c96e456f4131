"""What a run is asked for."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from cloned.errors import UsageError
from cloned.lab.laptops import Firmware, LaptopKind
from cloned.lab.options import LabOptions

PLAIN = LabOptions("run", 2, "vm", ("bios", "uefi"), rate="1gbit")


def test_they_survive_the_way_to_the_other_process() -> None:
    asked = replace(PLAIN, late=("2:5",), faults=("corrupt:1", "drop:2@50"), json="-", keep=True)
    assert LabOptions.from_json(json.loads(json.dumps(asked.to_json()))) == asked


def test_the_sample_image_serves_what_was_asked_for() -> None:
    assert PLAIN.image_name == "sample"
    assert replace(PLAIN, faults=("stall:1@50:3",)).image_name == "bulk"
    assert replace(PLAIN, faults=("stall:1@50:3",), image="school").image_name == "school"


def test_words_become_types() -> None:
    assert PLAIN.of_kind is LaptopKind.VM
    assert PLAIN.kinds_of_firmware == (Firmware.BIOS, Firmware.UEFI)
    assert PLAIN.bits_per_second == 10**9
    assert replace(PLAIN, rate="").bits_per_second is None


@pytest.mark.parametrize(
    ("erase", "wanted"), [("", set()), ("always", {1, 2, 3}), ("first", {1, 2, 3}), ("only", {1, 2, 3}), ("only:2,3", {2, 3})]
)  # fmt: skip
def test_all_are_erased_or_those_that_are_named(erase: str, wanted: set[int]) -> None:
    asked = replace(PLAIN, laptops=3, kind="thin", erase=erase)
    asked.check()
    assert asked.erasers == wanted


@pytest.mark.parametrize(
    "change",
    [
        {"laptops": 0}, {"laptops": 17}, {"firmware": ("bios", "efi")}, {"firmware": ("",)}, {"rate": "fast"},
        {"rate": "10kbit"}, {"late": ("3:1",)}, {"faults": ("corrupt:3",)}, {"erase": "twice"}, {"erase": "only:2"},
        {"kind": "thin", "erase": "first:2"}, {"kind": "thin", "erase": "only:"}, {"kind": "thin", "erase": "only:2,x"},
        {"kind": "thin", "erase": "only:3"}, {"kind": "thin", "erase": "only:1,2"}, {"erase": ":2"},
    ],
)  # fmt: skip
def test_nonsense_is_refused(change: dict[str, object]) -> None:
    PLAIN.check()
    with pytest.raises(UsageError):
        replace(PLAIN, **change).check()  # type: ignore[arg-type]
