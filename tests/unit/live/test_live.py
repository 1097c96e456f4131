import io
import json
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from cloned import live
from cloned.errors import MissingError
from cloned.live import packed, recipe
from cloned.live.cpio import Archive


def entries(data: bytes) -> dict[str, tuple[int, bytes, int]]:
    """Name: (mode, content, minor number of the device) of a newc archive, read as the kernel reads it."""
    found, at = {}, 0
    while data[at : at + 6] == b"070701":
        fields = [int(data[at + 6 + 8 * n : at + 14 + 8 * n], 16) for n in range(13)]
        mode, size, minor, length = fields[1], fields[6], fields[10], fields[11]
        name = data[at + 110 : at + 110 + length - 1].decode()
        at = -(-(at + 110 + length) // 4) * 4
        found[name] = (mode, data[at : at + size], minor)
        at = -(-(at + size) // 4) * 4
    return found


def tree(root: Path) -> Path:
    (root / "bin").mkdir(parents=True)
    (root / "bin/tool").write_bytes(b"abc")
    (root / "bin/tool").chmod(0o700)
    (root / "link").symlink_to("bin/tool")
    return root


def test_an_archive_holds_files_links_and_devices(tmp_path: Path) -> None:
    out = io.BytesIO()
    archive = Archive(out)
    archive.tree(tree(tmp_path / "a"))
    archive.device("console", 5, 1)
    size = archive.close()
    assert (size, size % 512) == (len(out.getvalue()), 0)
    found = entries(out.getvalue())
    assert list(found) == ["bin", "bin/tool", "link", "console", "TRAILER!!!"]
    assert found["bin/tool"] == (0o100755, b"abc", 0)
    assert found["link"] == (0o120777, b"bin/tool", 0)
    assert found["console"] == (0o020600, b"", 1)


def test_an_archive_is_the_same_each_time(tmp_path: Path) -> None:
    made = []
    for name in ("a", "b"):
        out = io.BytesIO()
        Archive(out).tree(tree(tmp_path / name))
        made.append(out.getvalue())
    assert made[0] == made[1]


def test_braces() -> None:
    assert recipe.braces("a{b,c}d{e,f}") == ["abde", "abdf", "acde", "acdf"]
    assert recipe.braces("plain") == ["plain"]


def test_the_recipe_names_what_the_agent_needs() -> None:
    shipped = recipe.load()
    programs = {*shipped.programs, *shipped.first, *shipped.links}
    needed = ("python3", "wipefs", "blkid", "resize2fs", "e2fsck", "ntfsresize", "btrfs", "xfs_growfs", "efibootmgr")
    assert not {*needed, "smartctl", "dmidecode", "sfdisk", "sgdisk", "udp-receiver", "partclone.ext4"} - programs


def test_a_changed_recipe_has_another_digest(tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").write_text("a")
    first = recipe.digest("bookworm", firmware=False, where=tmp_path)
    assert first == recipe.digest("bookworm", firmware=False, where=tmp_path)
    assert first != recipe.digest("bookworm", firmware=True, where=tmp_path)
    (tmp_path / "recipe.toml").write_text("b")
    assert first != recipe.digest("bookworm", firmware=False, where=tmp_path)


def test_a_live_system_is_described_or_missed(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="no live system"):
        live.info(tmp_path)
    made = live.LiveInfo(
        folder=tmp_path,
        kernel="6.1.0",
        suite="bookworm",
        firmware=False,
        digest="d",
        vmlinuz_bytes=3,
        initrd_bytes=4,
        unpacked_bytes=99,
    )
    (tmp_path / "live.json").write_text(json.dumps(made.to_json()))
    made.vmlinuz.write_bytes(b"abc")
    made.initrd.write_bytes(b"abcd")
    assert live.info(tmp_path) == made
    assert made.bytes == 7
    made.initrd.write_bytes(b"abc")
    with pytest.raises(MissingError, match="damaged"):
        live.info(tmp_path)


@pytest.mark.wire
def test_the_agent_is_packed_with_what_it_imports_and_no_more() -> None:
    data = live.agent_zipapp()
    names = zipfile.ZipFile(io.BytesIO(data)).namelist()
    assert {"__main__.py", "cloned/agent/loop.py", "cloned/disk/manifest.py"} <= set(names)
    ground = (f"cloned/{name}" for name in packed.GROUND)
    ours = ("__main__.py", "cloned/__init__.py", *ground, *(f"cloned/{room}/" for room in packed.ROOMS))
    assert not [name for name in names if not name.startswith(ours)]
    assert not any(name.startswith("cloned/core/") for name in names)
    packed.agent_zipapp.cache_clear()
    assert live.agent_zipapp() == data


def small(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Path:
    """An agent of one file, which is quickly packed."""
    source = folder / "cloned" / "agent.py"
    source.parent.mkdir()
    source.write_text('WORD = "Disk"\n')
    monkeypatch.setattr(packed, "_PACKAGE", source.parent)
    monkeypatch.setattr(packed, "_sources", lambda: iter([source]))
    monkeypatch.setattr(packed, "__file__", str(source))
    return source


def test_the_packed_agent_is_kept_for_the_next_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept, source = tmp_path / "agent.pyz", small(monkeypatch, tmp_path)
    made = live.kept_agent(kept, {"Disk": "Schijf"}.get, "a")  # type: ignore[arg-type]
    assert json.loads(zipfile.ZipFile(io.BytesIO(made)).read("cloned/agent/words.json"))["Disk"] == "Schijf"
    assert live.kept_agent(kept, pytest.fail, "a") == kept.read_bytes() == made
    assert live.kept_agent(kept, str.upper, "b") != made  # other words
    before = kept.read_bytes()
    source.write_text('WORD = "Disks"\n')
    assert live.kept_agent(kept, str.upper, "b") != before


@pytest.mark.parametrize(
    "damage", [lambda data: data[:-200], lambda data: data[:90] + b"x" * 9 + data[99:], lambda _: b""]
)
def test_a_kept_agent_that_is_damaged_is_packed_anew(
    damage: Callable[[bytes], bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, _ = tmp_path / "agent.pyz", small(monkeypatch, tmp_path)
    made = live.kept_agent(kept, str.upper, "a")
    kept.write_bytes(damage(made))
    assert live.kept_agent(kept, str.upper, "a") == made


def test_an_agent_that_cannot_be_kept_is_served_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small(monkeypatch, tmp_path)
    made = live.kept_agent(tmp_path / "not there" / "agent.pyz", str.upper, "a")
    assert zipfile.ZipFile(io.BytesIO(made)).testzip() is None


@pytest.mark.wire
def test_bytecode_is_taken_without_looking_at_its_source() -> None:
    archive = zipfile.ZipFile(io.BytesIO(live.agent_zipapp()))
    (flags,) = struct.unpack("<I", archive.read("cloned/agent/loop.pyc")[4:8])
    assert flags == 1
