"""Which image a laptop gets, with the example that is shipped."""

import pytest

from cloned.assets import root
from cloned.config_file import parse
from cloned.core.catalogue import ImageRule, Machine, choose

GB = 10**9
EXAMPLE = (root("images") / "catalogue.example.toml").read_text()
RULES = tuple(
    ImageRule(
        rule.image,
        rule.vendor,
        rule.product,
        rule.firmware,
        rule.label,
        int(rule.min_disk_gb * GB),
        None if rule.max_disk_gb is None else int(rule.max_disk_gb * GB),
        int(rule.min_memory_gb * GB),
    )
    for rule in parse(EXAMPLE).images.rule
)


@pytest.mark.parametrize(
    ("machine", "image", "why"),
    [
        (Machine("DELL Inc.", "LATITUDE 5490", "bios", disk=1), "school-latitude", "rule 1"),
        (Machine("Dell Inc.", "Latitude 5490", "uefi", "art", 500 * GB, 8 * GB), "school-latitude", "rule 1"),
        (Machine("HP", "x", "uefi", "art", 1, 1), "art-class", "rule 2"),
        (Machine("HP", "x", "uefi", "", 256 * GB, 8 * GB), "school-large", "rule 3"),
        (Machine("HP", "x", "bios", "", 256 * GB, 8 * GB), "school-small", "rule 4"),
        (Machine("HP", "x", "uefi", "", 64 * GB, 4 * GB), "school-small", "rule 4"),
    ],
)
def test_example(machine: Machine, image: str, why: str) -> None:
    choice = choose(RULES, "", machine)
    assert choice is not None
    assert (choice.image, choice.why) == (image, why)


def test_nothing_matches() -> None:
    assert choose(RULES, "", Machine("HP", "x", disk=16 * GB)) is None
    choice = choose(RULES, "fallback", Machine("HP", "x", disk=16 * GB))
    assert choice is not None
    assert choice.image == "fallback"


def test_largest_disk() -> None:
    rule = (ImageRule("small", max_disk=32 * GB),)
    assert choose(rule, "", Machine(disk=32 * GB)) is not None
    assert choose(rule, "", Machine(disk=33 * GB)) is None
