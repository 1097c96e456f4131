"""The test pack: its recipe, its description, which drivers go in."""

import json
from pathlib import Path

import pytest

from cloned.errors import MissingError
from cloned.live import LiveInfo, pack


def system(folder: Path, kernel: str = "6.1.0-1-amd64") -> LiveInfo:
    return LiveInfo(
        folder=folder,
        kernel=kernel,
        suite="bookworm",
        firmware=False,
        digest="d" * 64,
        vmlinuz_bytes=1,
        initrd_bytes=1,
        unpacked_bytes=1,
    )


def put(folder: Path, of: LiveInfo, size: int = 3) -> None:
    (folder / pack.NAME).write_bytes(b"abc")
    told = pack.PackInfo(folder=folder, kernel=of.kernel, firmware=False, digest=pack._digest(of), bytes=size).to_json()
    (folder / "tests.json").write_text(json.dumps(told))


def test_one_of_the_same_recipe_and_kernel_is_taken_as_it_is(tmp_path: Path) -> None:
    put(tmp_path, system(tmp_path))
    assert pack.build(system(tmp_path)).squashfs == tmp_path / pack.NAME
    assert pack.PackInfo.current(tmp_path, pack._digest(system(tmp_path, "6.1.0-2-amd64"))) is None


def test_none_or_a_cut_one_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="no test pack"):
        pack.info(tmp_path)
    put(tmp_path, system(tmp_path), size=4)
    with pytest.raises(MissingError, match="damaged"):
        pack.info(tmp_path)


def test_what_shows_nothing_without_firmware_comes_with_firmware() -> None:
    plain, full = pack.load(False), pack.load(True)
    assert not [glob for glob in plain.modules if "amdgpu" in glob or "radeon" in glob]
    assert [glob for glob in full.modules if "amdgpu" in glob]
    assert not [glob for glob in full.modules if "nouveau" in glob or "dvb" in glob]
    assert "non-free-firmware" not in plain.components


def test_drivers_come_with_what_they_depend_on_and_never_stand_ins() -> None:
    depends = pack.dependencies(
        "kernel/net/a/card.ko: kernel/net/lib.ko\nkernel/net/lib.ko:\nkernel/net/a/card_cs.ko: kernel/old.ko\nkernel/old.ko:\n"
    )
    assert pack.wanted(depends, ["net/a/*.ko"], ["*_cs.ko"]) == {"kernel/net/a/card.ko", "kernel/net/lib.ko"}
    globs = pack.load(True)
    stand_ins = {
        f"kernel/{name}": []
        for name in (
            "drivers/net/wireless/mac80211_hwsim.ko", "drivers/media/test-drivers/vivid/vivid.ko", "sound/drivers/snd-aloop.ko",
        )
    }  # fmt: skip
    assert pack.wanted(stand_ins, globs.modules, globs.modules_skip) == set()
