"""The report's shape is a promise: others read it."""

from __future__ import annotations

from dataclasses import replace

from rich.console import Console

from cloned.lab.checks import Check
from cloned.lab.report import LaptopResult
from tests.unit.lab.snapshots import laptop, snapshot, who

ONE, TWO = who()


def result(**change: object) -> LaptopResult:
    good = LaptopResult([ONE, TWO], snapshot(laptop(TWO), laptop(ONE)), [{"laptop": "L1"}, {"laptop": "L2"}])
    return replace(good, **change)  # type: ignore[arg-type]


def test_it_has_every_key_that_was_promised() -> None:
    report = result().to_json()
    assert report["ok"] is True
    assert set(report) >= {"ok", "laptops", "sessions", "ledger"}
    first = report["laptops"][0]
    assert set(first) >= {
        "id", "mac", "port", "firmware", "state", "image", "image_hash", "verdict", "attempts", "history", "seconds",
    }  # fmt: skip
    assert set(first["seconds"]) == {"boot", "wait", "receive", "verify", "finish"}
    assert first["history"] == [{"at": "2026-01-01T00:00:00Z", "state": "asking", "why": ""}]
    assert set(report["sessions"][0]) == {"id", "image", "laptops", "bytes", "seconds", "mbit_s"}


def test_laptops_and_members_go_by_the_labs_numbers() -> None:
    report = result().to_json()
    assert [(each["id"], each["mac"], each["firmware"]) for each in report["laptops"]] == [
        (1, ONE.mac, "bios"), (2, TWO.mac, "uefi"),
    ]  # fmt: skip
    assert report["sessions"][0]["laptops"] == [1, 2]


def test_a_laptop_that_was_never_heard_of_is_gone_and_fails_the_run() -> None:
    alone = result(snapshot=snapshot(laptop(ONE)))
    assert alone.to_json()["laptops"][1] == {
        "id": 2, "mac": TWO.mac, "port": "port2", "firmware": "uefi", "state": "gone", "image": None,
        "image_hash": None,
        "verdict": "none", "attempts": 0, "history": [], "differs": [], "to_hello": None,
            "disks": [], "erasure": None, "tests": [], "grade": "",
        "seconds": dict.fromkeys(("boot", "wait", "receive", "verify", "finish"), 0.0),
    }  # fmt: skip
    assert not alone.ok


def test_everything_has_to_be_right() -> None:
    assert result().ok
    assert not result(problems=["corrupt:1 did not happen"]).ok
    assert not result(checks=[Check("a planted disk is untouched", False)]).ok
    assert not result(snapshot=snapshot(laptop(ONE), laptop(TWO, "aside"))).ok
    assert not result(snapshot=snapshot(laptop(ONE), laptop(TWO, verdict="differs"))).ok


def test_the_table_names_everybody() -> None:
    console = Console(width=140, record=True, quiet=False)
    with console.capture() as shown:
        console.print(result().table())
    assert "verified abababab" in shown.get()
    assert shown.get().count("port") == 3


def test_a_narrow_terminal_gets_a_narrow_table() -> None:
    console = Console(width=80)
    with console.capture() as shown:
        console.print(result().table(80))
    lines = shown.get().splitlines()
    assert len(lines) == 3
    assert "7.5" in lines[1]


def test_laptops_that_are_only_erased_beside_others_end_erased_and_the_others_done() -> None:
    gone = laptop(TWO, "erased") | {"erasure": {"result": "erased", "disks": []}}
    both = result(snapshot=snapshot(laptop(ONE), gone))
    assert replace(both, erase="only:2", erasers=frozenset({2})).ok
    assert not replace(both, erase="only", erasers=frozenset({1, 2})).ok
    assert not replace(both, erase="only:1", erasers=frozenset({1})).ok
    assert not both.ok
