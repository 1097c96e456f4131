"""The real agent as a process, on a loop device, against a server that speaks its API."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cloned import processes
from cloned.live import agent_zipapp
from tests.wire.agent.bench import DISK, FACTS, MIB, Server, flip, image, loop_device, run_agent, sha256

pytestmark = [
    pytest.mark.wire,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root for loop devices"),
]


def wanted(path: str, size: int = DISK) -> dict[str, Any]:
    return {"serial": FACTS["disk_serial"], "wwn": "", "path": path, "size": size}


async def clone(server: Server, device: str, folder: Path, *options: str) -> tuple[int, str]:
    runner = await server.start()
    try:
        return await run_agent(server, device, folder, *options)
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(("label", "sector"), [("gpt", 512), ("dos", 512), ("gpt", 4096)])
async def test_clones_a_disk_and_touches_no_other(tmp_path: Path, label: str, sector: int) -> None:
    planted = os.urandom(2 * MIB)
    old = os.urandom(DISK)
    with (
        loop_device(tmp_path / "disk", content=old, sector=sector) as disk,
        loop_device(tmp_path / "other", content=planted) as other,
    ):
        before = sha256(other)
        server = Server(image(sector, label), wanted(disk), steps=[{"name": "grow"}, {"name": "stamp"}])
        status, said = await clone(server, disk, tmp_path)
        assert (status, sha256(other)) == (0, before), said
        found = processes.run(["sfdisk", "--json", disk]).stdout.decode()
    (hello,) = server.told("hello")
    assert hello["uuid"] == FACTS["uuid"]
    assert [(each["path"], each["serial"], each["eligible"]) for each in hello["disks"]] == [(disk, "DISK-1", True)]
    assert [verdict["verdict"] for verdict in server.verdicts] == ["verified"], server.verdicts
    assert server.verdicts[0]["image_hash"] == server.image.manifest.image_hash
    assert server.told("ready")[0]["discarded"] is True
    assert '"size": 49152' in found or sector == 4096
    results = {step["name"]: step["result"] for step in server.told("finished")[0]["steps"]}
    assert results == {"grow": "skipped", "stamp": "skipped"}
    assert "small" in said
    print(server.told("readback")[-1]["seconds"], server.told("finished")[0]["seconds"])


async def test_a_flipped_byte_is_found_and_fetched_again(tmp_path: Path) -> None:
    with loop_device(tmp_path / "disk") as disk:
        server = Server(image(), wanted(disk))
        server.at_gate = lambda number: flip(disk, 22 * MIB) if number == 1 else None
        runner = await server.start()
        try:
            status, said = await run_agent(server, disk, tmp_path, "--gate", f"http://127.0.0.1:{server.port}/gate")
        finally:
            await runner.cleanup()
    assert status == 0, said
    assert (server.gates, server.unread) == ([1, 2], [[0, 1, 2, 3], [3]])
    first, second = server.verdicts
    assert (first["verdict"], first["wrong"], second["verdict"]) == ("differs", [3], "verified")
    assert [(each["partition"], each["pieces"]) for each in first["where"]] == [("sda3", 1)]
    assert sorted(server.fetched) == [0, 1, 2, 3, 3]


async def test_a_damaged_table_is_written_again(tmp_path: Path) -> None:
    with loop_device(tmp_path / "disk") as disk:
        server = Server(image(), wanted(disk))
        server.at_gate = lambda number: flip(disk, 512 + 60) if number == 1 else None
        runner = await server.start()
        try:
            status, said = await run_agent(server, disk, tmp_path, "--gate", f"http://127.0.0.1:{server.port}/gate")
        finally:
            await runner.cleanup()
    assert status == 0, said
    assert [(each["verdict"], each["layout_ok"], each["wrong"]) for each in server.verdicts] == [
        ("differs", False, []),
        ("verified", True, []),
    ]


async def test_a_disk_that_holds_the_image_fetches_only_what_differs(tmp_path: Path) -> None:
    with loop_device(tmp_path / "disk") as disk:
        await clone(Server(image(), wanted(disk)), disk, tmp_path)
        flip(disk, 2 * MIB)
        again = Server(image(), wanted(disk), survey=True)
        status, said = await clone(again, disk, tmp_path)
    assert status == 0, said
    assert [(each["round"], each["verdict"], each["wrong"]) for each in again.verdicts] == [
        (0, "differs", [0]),
        (1, "verified", []),
    ]
    assert again.fetched == [0]


async def test_the_gate_is_told_what_is_still_to_be_read(tmp_path: Path) -> None:
    """A disk that was read at the beginning of this boot is not read twice: the lab must change what still will be."""
    with loop_device(tmp_path / "disk") as disk:
        await clone(Server(image(), wanted(disk)), disk, tmp_path)
        flip(disk, 2 * MIB)
        again = Server(image(), wanted(disk), survey=True)
        again.at_gate = lambda number: flip(disk, 2 * MIB) if number == 1 else None
        runner = await again.start()
        try:
            status, said = await run_agent(again, disk, tmp_path, "--gate", f"http://127.0.0.1:{again.port}/gate")
        finally:
            await runner.cleanup()
    assert status == 0, said
    assert again.unread == [[0], [0]]
    assert [(each["round"], each["verdict"], each["wrong"]) for each in again.verdicts] == [
        (0, "differs", [0]),
        (1, "differs", [0]),
        (2, "verified", []),
    ]


async def test_a_survey_of_a_foreign_disk_starts_afresh(tmp_path: Path) -> None:
    with loop_device(tmp_path / "disk", content=os.urandom(4 * MIB)) as disk:
        server = Server(image(), wanted(disk), survey=True)
        status, said = await clone(server, disk, tmp_path)
    assert (status, [each["round"] for each in server.verdicts]) == (0, [1]), said


@pytest.mark.parametrize(
    ("size", "change", "code"),
    [
        (40 * MIB, {}, "disk-too-small"),
        (DISK, {"serial": "ANOTHER"}, "wrong-disk"),
        (DISK, {"size": DISK + 512}, "wrong-disk"),
    ],
)
async def test_refuses_before_anything_is_erased(tmp_path: Path, size: int, change: dict[str, Any], code: str) -> None:
    with loop_device(tmp_path / "disk", size, content=os.urandom(MIB)) as disk:
        before = sha256(disk)
        server = Server(image(), {**wanted(disk, size), **change})
        status, said = await clone(server, disk, tmp_path)
        assert sha256(disk) == before
    assert status < 0  # it stays, and shows the reason
    assert "Set aside." in said
    assert [each["code"] for each in server.told("failed")] == [code]
    assert server.told("ready") == []


async def test_a_disk_in_use_is_left_alone(tmp_path: Path) -> None:
    with loop_device(tmp_path / "disk") as disk:
        processes.run(["mkfs.ext4", "-q", disk])
        (tmp_path / "mnt").mkdir()
        processes.run(["mount", disk, tmp_path / "mnt"])
        try:
            server = Server(image(), wanted(disk))
            await clone(server, disk, tmp_path)
        finally:
            processes.run(["umount", tmp_path / "mnt"])
    assert [each["code"] for each in server.told("failed")] == ["wrong-disk"]


def test_refuses_by_hand_on_a_normal_machine(tmp_path: Path) -> None:
    (tmp_path / "agent.pyz").write_bytes(agent_zipapp())
    done = subprocess.run([sys.executable, "-I", tmp_path / "agent.pyz"], capture_output=True, check=False)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, b"", 1)
    assert b"cloned.boot" in done.stderr


async def test_a_start_that_the_server_does_not_know_ends(tmp_path: Path) -> None:
    with loop_device(tmp_path / "disk") as disk:
        server = Server(image(), wanted(disk), token="another")
        status, said = await clone(server, disk, tmp_path)
    assert (status, server.heard) == (1, [])
    assert "start from the network again" in said
