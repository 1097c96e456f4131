"""The finishing steps on real file systems, in the live system, in QEMU."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloned import processes
from cloned.disk.layout import Layout, Partition, read_layout
from cloned.live import LiveInfo
from cloned.saying import Phrase
from tests.lab.agent.machine import Machine, blocks, cut, dd_image, debugfs
from tests.wire.agent.bench import FACTS, MIB, Server

pytestmark = [pytest.mark.lab, pytest.mark.slow]

ESP, LINUX = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B", "0FC63DAF-8483-4772-8E79-3D69D8477DE4"
GUID = "ABCDEF00-1111-2222-3333-{:012X}"
STEPS = [
    {"name": "grow"},
    {"name": "hostname", "hostname": "deelit-12"},
    {"name": "machine-id"},
    {"name": "efi-entry", "label": "Clone"},
    {"name": "stamp"},
]


def layout(size: int = 48) -> Layout:
    sectors = MIB // 512
    return Layout(
        "gpt",
        GUID.format(0),
        512,
        (
            Partition(1, sectors, 8 * sectors, ESP, GUID.format(1), name="EFI"),
            Partition(2, 9 * sectors, size * sectors, LINUX, GUID.format(2), name="root"),
        ),
    )


def esp(folder: Path) -> Path:
    file = folder / "esp"
    file.write_bytes(bytes(8 * MIB))
    loader = folder / "grubx64.efi"
    loader.write_bytes(b"MZ a loader")
    processes.run(["mkfs.vfat", file])
    processes.run(["mmd", "-i", file, "::EFI", "::EFI/debian"])
    processes.run(["mcopy", "-i", file, loader, "::EFI/debian/grubx64.efi"])
    return file


def root_files(folder: Path) -> Path:
    root = folder / "root"
    for name, text in {
        "etc/os-release": 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n',
        "etc/hostname": "master\n",
        "etc/hosts": "127.0.0.1 localhost\n127.0.1.1 master\n",
        "etc/machine-id": "0123456789abcdef0123456789abcdef\n",
        "var/lib/systemd/random-seed": "seed",
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


async def test_grows_and_personalises_a_linux_system(tmp_path: Path, system: LiveInfo) -> None:
    ext4 = tmp_path / "ext4"
    ext4.write_bytes(bytes(48 * MIB))
    processes.run(["mkfs.ext4", "-q", "-d", root_files(tmp_path), ext4])
    image = dd_image(layout(), {1: esp(tmp_path), 2: ext4})
    machine = Machine(system, tmp_path, 160 * MIB, uefi=True)
    server = Server(image, machine.order_disk(), steps=STEPS)
    said = await machine.run(server)
    results = {step["name"]: (step["result"], step["detail"]) for step in server.told("finished")[0]["steps"]}
    assert {name: result for name, (result, _) in results.items()} == dict.fromkeys(results, "done"), (results, said)
    with machine.file.open("rb") as disk:

        def read(offset: int, length: int) -> bytes:
            disk.seek(offset)
            return disk.read(length)

        found = read_layout(read, machine.size, 512)
    assert found.partition(2).end == 159 * MIB // 512  # whole MiB, before the second GPT
    grown = cut(machine, found.partition(2), tmp_path / "grown")
    processes.run(["e2fsck", "-fn", grown])
    assert blocks(grown) == 150 * MIB
    assert debugfs(grown, "/etc/hostname") == "deelit-12\n"
    assert "127.0.1.1 deelit-12" in debugfs(grown, "/etc/hosts")
    assert debugfs(grown, "/etc/machine-id") == ""
    assert 'IMAGE="small"' in debugfs(grown, "/etc/cloned-release")
    after = cut(machine, found.partition(1), tmp_path / "esp-after")
    listing = processes.run(["mdir", "-b", "-i", after, "::EFI/BOOT"]).stdout.decode()
    assert "BOOTX64.EFI" in listing
    assert server.told("hello")[0]["firmware"] == "uefi"
    assert FACTS  # identity in QEMU comes from its own SMBIOS


@pytest.mark.parametrize("kind", ["ntfs", "btrfs", "xfs"])
async def test_grows_other_file_systems(tmp_path: Path, system: LiveInfo, kind: str) -> None:
    file = tmp_path / kind
    size = 320 if kind == "xfs" else 128
    with file.open("wb") as out:
        out.truncate(size * MIB)
    make = {"ntfs": ["mkfs.ntfs", "-Q", "-F"], "btrfs": ["mkfs.btrfs", "-q"], "xfs": ["mkfs.xfs", "-q"]}[kind]
    processes.run([*make, file])
    machine = Machine(system, tmp_path, 512 * MIB, disk="nvme")
    server = Server(dd_image(layout(size), {2: file}), machine.order_disk(), steps=[{"name": "grow"}])
    said = await machine.run(server)
    (step,) = server.told("finished")[0]["steps"]
    assert step["result"] == "done", (step, said)
    assert f"({kind}) has {511 - 9 - size} MiB more" in Phrase.read(step["detail"])
