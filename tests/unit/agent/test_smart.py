import json
from pathlib import Path

import pytest

from cloned.agent.smart import compare, understand


def row(number: int, raw: int) -> dict[str, object]:
    return {"id": number, "raw": {"value": raw}}


def test_an_ata_disk_and_an_nvme_disk() -> None:
    ata = {"smart_status": {"passed": True}, "ata_smart_attributes": {"table": [row(5, 8), row(9, 999), row(197, 2)]}}
    nvme = {"smart_status": {"passed": False}, "nvme_smart_health_information_log": {"media_errors": 3}}
    assert understand(ata) == {"verdict": "ok", "reallocated": 8, "hours": None, "worn": None}
    assert understand(nvme) == {"verdict": "failing", "reallocated": 3, "hours": None, "worn": None}
    assert understand({}) == {"verdict": "unknown", "reallocated": None, "hours": None, "worn": None}


def test_hours_and_wear_where_a_disk_tells_them() -> None:
    nvme = {"power_on_time": {"hours": 8123}, "nvme_smart_health_information_log": {"percentage_used": 7}}
    ata = {"power_on_time": {"hours": -1}, "endurance_used": {"current_percent": 12}}
    assert (understand(nvme)["hours"], understand(nvme)["worn"]) == (8123, 7)
    assert (understand(ata)["hours"], understand(ata)["worn"]) == (None, 12)


def test_what_a_clone_did_to_the_disk() -> None:
    before, after = {"verdict": "ok", "reallocated": 8}, {"verdict": "ok", "reallocated": 11}
    assert compare(before, after) == {"verdict": "ok", "reallocated": 11, "before": 8, "during": 3}
    assert compare({"verdict": "unknown", "reallocated": None}, after)["during"] is None


def test_a_raw_value_is_not_one_48_bit_number() -> None:
    field = Path(__file__).parents[2] / "data" / "field" / "smart-fujitsu.json"
    assert understand(json.loads(field.read_text())) == {"verdict": "ok", "reallocated": 0, "hours": None, "worn": None}


def test_the_count_is_what_the_text_begins_with() -> None:
    packed = {"id": 5, "raw": {"value": 0x07D0_0000_0003, "string": "3 (2000 0)"}}
    bare = {"id": 5, "raw": {"value": 0x07D0_0000_0003}}
    for told in (packed, bare):
        assert understand({"ata_smart_attributes": {"table": [told]}})["reallocated"] == 3


@pytest.mark.parametrize("raw", [
    {"value": 2**48 - 1, "string": str(2**48 - 1)}, {"value": 2**32 - 1}, {"value": -1, "string": "-1"}, {"string": "x"},
])  # fmt: skip
def test_a_value_of_nothing_but_ones_counts_no_sectors(raw: dict[str, object]) -> None:
    found = understand({"ata_smart_attributes": {"table": [{"id": 5, "raw": raw}, {"id": 197, "raw": {"value": 0}}]}})
    assert found["reallocated"] == 0
    assert understand({"ata_smart_attributes": {"table": [{"id": 5, "raw": raw}]}})["reallocated"] is None
