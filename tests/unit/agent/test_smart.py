from cloned.agent.smart import compare, understand


def row(number: int, raw: int) -> dict[str, object]:
    return {"id": number, "raw": {"value": raw}}


def test_an_ata_disk_and_an_nvme_disk() -> None:
    ata = {"smart_status": {"passed": True}, "ata_smart_attributes": {"table": [row(5, 8), row(9, 999), row(197, 2)]}}
    nvme = {"smart_status": {"passed": False}, "nvme_smart_health_information_log": {"media_errors": 3}}
    assert understand(ata) == {"verdict": "ok", "reallocated": 8}
    assert understand(nvme) == {"verdict": "failing", "reallocated": 3}
    assert understand({}) == {"verdict": "unknown", "reallocated": None}


def test_what_a_clone_did_to_the_disk() -> None:
    before, after = {"verdict": "ok", "reallocated": 8}, {"verdict": "ok", "reallocated": 11}
    assert compare(before, after) == {"verdict": "ok", "reallocated": 11, "before": 8, "during": 3}
    assert compare({"verdict": "unknown", "reallocated": None}, after)["during"] is None
