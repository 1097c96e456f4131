import json
import os
import time

import pytest

from cloned.errors import MissingError
from cloned.netboot.files import (
    _RECIPE,
    RENEW_SECONDS,
    SOURCES,
    Digests,
    Shelf,
    _copy,
    _digests,
    build_boot_files,
    is_complete,
    normal,
)


@pytest.fixture
def shelf(tmp_path):
    (tmp_path / "boot" / "sub").mkdir(parents=True)
    (tmp_path / "boot" / "a.efi").write_text("a")
    (tmp_path / "boot" / "sub" / "b").write_text("b")
    (tmp_path / "boot" / "inside").symlink_to("a.efi")
    (tmp_path / "boot" / "outside").symlink_to("/etc/passwd")
    (tmp_path / "boot" / "loop").symlink_to("loop")
    (tmp_path / "boot" / "up").symlink_to("..")
    (tmp_path / "live-1").mkdir()
    (tmp_path / "live-1" / "vmlinuz").write_text("k")
    (tmp_path / "live").symlink_to("live-1")
    (tmp_path / "secret").write_text("s")
    return Shelf({"": tmp_path / "boot", "live": tmp_path / "live"})


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.efi", "a"), ("/a.efi", "a"), ("//a.efi", "a"), ("\\a.efi", "a"), ("./a.efi", "a"),
        ("sub/b", "b"), ("sub//b", "b"),
        ("inside", "a"), ("live/vmlinuz", "k"), ("/live//vmlinuz", "k"),
    ],
)  # fmt: skip
def test_found(shelf, name, content):
    assert shelf.find(name).read_text() == content


@pytest.mark.parametrize(
    "name",
    [
        "", "/", "nothing", "sub", "outside", "loop", "up/secret", "../secret", "sub/../../secret", "live",
        "live/../secret",
        "live/nothing", "a.efi/x", "a\0.efi", "x" * 5000, "/etc/passwd", "..\\secret",
    ],
)  # fmt: skip
def test_not_found(shelf, name):
    assert shelf.find(name) is None


@pytest.mark.parametrize(
    "name", ["../secret", "sub/../../secret", "..\\secret", "outside", "up/secret", "live/../secret"]
)
def test_what_leads_out_is_told_from_what_is_not_there(shelf, name):
    assert shelf.leads_out(name)
    assert not any(
        map(shelf.leads_out, ("nothing", "", "/etc/passwd", "live/nothing", "a.efi", "loop", "x" * 5000, "a\0"))
    )


def test_one_name_however_it_is_written():
    assert normal("//grub\\grub.cfg") == normal("/grub/./grub.cfg") == "grub/grub.cfg"


def test_digests_follow_the_file(tmp_path):
    path, digests = tmp_path / "f", Digests()
    path.write_bytes(b"abc")
    assert digests.known(path) is None
    assert digests.take(path).hex().startswith("ba7816bf")
    assert digests.known(path) == digests.take(path)
    path.write_bytes(b"abcd")
    assert digests.known(path) is None


def test_complete_means_every_byte(tmp_path):
    for name in SOURCES:
        (tmp_path / name).write_text(name)
    assert not is_complete(tmp_path)
    info = {"suite": "trixie", "recipe": _RECIPE, "files": _digests(tmp_path)}
    (tmp_path / "boot.json").write_text(json.dumps(info))
    assert is_complete(tmp_path)
    for older in ({"suite": "trixie", "files": info["files"]}, {**info, "recipe": "of an older version"}):
        (tmp_path / "boot.json").write_text(json.dumps(older))
        assert not is_complete(tmp_path)
    (tmp_path / "boot.json").write_text(json.dumps(info))
    (tmp_path / "shimx64.efi").write_text("half")
    assert not is_complete(tmp_path)


def test_old_files_are_renewed_or_stay_where_the_network_is_away(tmp_path, monkeypatch, caplog):
    for name in SOURCES:
        (tmp_path / name).write_text(name)
    info = tmp_path / "boot.json"
    info.write_text(json.dumps({"suite": "trixie", "recipe": _RECIPE, "files": _digests(tmp_path)}))
    tried = []

    def away(root):
        tried.append(root)
        raise MissingError("no network")

    monkeypatch.setattr("cloned.netboot.files._extract", away)
    assert build_boot_files(tmp_path) == tmp_path
    assert not tried
    os.utime(info, (0, time.time() - RENEW_SECONDS - 1))
    assert build_boot_files(tmp_path) == tmp_path
    assert len(tried) == 1
    assert "30 days old and stay" in caplog.text
    info.unlink()
    with pytest.raises(MissingError, match="no network"):
        build_boot_files(tmp_path)


def test_a_package_without_the_file(tmp_path):
    (tmp_path / "dangling").symlink_to("/nothing")
    for name in ("nothing", "dangling"):
        with pytest.raises(MissingError, match=name):
            _copy(tmp_path, name, tmp_path / "target")


def test_links_are_followed_inside_the_packages(tmp_path):
    (tmp_path / "usr").mkdir()
    (tmp_path / "usr" / "real").write_text("x")
    (tmp_path / "usr" / "relative").symlink_to("real")
    (tmp_path / "usr" / "absolute").symlink_to("/usr/real")
    for name in ("relative", "absolute"):
        _copy(tmp_path, f"usr/{name}", tmp_path / name)
        assert (tmp_path / name).read_text() == "x"
