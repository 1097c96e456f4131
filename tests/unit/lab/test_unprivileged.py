"""Who the lab's daemon is, and what of closed directories it is shown."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloned.assets import root
from cloned.lab import unprivileged
from cloned.lab.unprivileged import LIMITS, NUMBER, ROOT, ServiceUser, View, unreadable, way

NOBODY = ServiceUser(NUMBER, NUMBER)


@pytest.fixture
def closed() -> Iterator[Path]:
    """A directory that its owner alone may enter, with a file two folders down and a link to it beside."""
    with tempfile.TemporaryDirectory(prefix="cloned-test-") as name:  # pytest's own is closed further up
        folder = Path(name)
        (folder / "a" / "b").mkdir(parents=True)
        (folder / "a" / "b" / "file").write_text("x")
        (folder / "link").symlink_to("a/b")
        yield folder


def test_it_has_what_the_unit_gives_and_no_more() -> None:
    text = (root("systemd") / "cloned.service").read_text()
    lines = dict(line.split("=", 1) for line in text.splitlines() if "=" in line and not line.startswith("#"))
    ours = {f"CAP_{name.upper()}" for name in unprivileged.CAPABILITIES}
    assert set(lines["AmbientCapabilities"].split()) == set(lines["CapabilityBoundingSet"].split()) == ours
    assert list(LIMITS.values()) == [int(lines["LimitRTPRIO"]), 20 - int(lines["LimitNICE"])]
    assert int(lines["LimitNOFILE"]) == unprivileged.DESCRIPTORS
    assert int(lines["UMask"], 8) == unprivileged.UMASK
    command = NOBODY.command()
    assert {f"--reuid={NUMBER}", f"--regid={NUMBER}", "--clear-groups", "--no-new-privs"} <= set(command)
    assert not any("sys_nice" in word for word in command)
    assert not any("ambient" in word for word in ROOT.command())


def test_a_way_through_links_is_every_link_and_where_it_ends(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "c").touch()
    (tmp_path / "a").symlink_to(tmp_path / "x" / "..")
    (tmp_path / "x").symlink_to("b")
    assert list(way(tmp_path / "a" / "b" / "c"))[-1] == (tmp_path / "b" / "c", "")
    assert [place.name for place, target in way(tmp_path / "a") if target] == ["a", "x"]
    with pytest.raises(FileNotFoundError):
        list(way(tmp_path / "none"))
    (tmp_path / "round").symlink_to("round")
    with pytest.raises(OSError, match="circles"):
        list(way(tmp_path / "round" / "x"))


@pytest.mark.wire
def test_what_is_open_needs_no_view(tmp_path: Path) -> None:
    assert View.of([Path("/usr/bin"), tmp_path / "not there"], NOBODY) == View()


@pytest.mark.wire
def test_a_closed_directory_shows_what_is_needed_and_its_links(closed: Path) -> None:
    view = View.of([closed / "link" / "file", closed / "a" / "b"], NOBODY)
    assert view.closed == {str(closed): [str(closed / "a" / "b")]}
    assert view.links == {str(closed / "link"): "a/b"}
    assert View.of([closed / "link" / "file"], NOBODY).closed == {str(closed): [str(closed / "a" / "b" / "file")]}
    assert View.of([closed / "a"], ServiceUser(os.geteuid(), os.getegid())) == View()


@pytest.mark.wire
def test_who_may_read_what(closed: Path) -> None:
    file = closed / "a" / "b" / "file"
    file.chmod(0o640)
    assert unreadable([closed / "a"], NOBODY) is None
    assert unreadable([closed / "a" / "b"], NOBODY) == file
    assert unreadable([file], ServiceUser(NUMBER, file.stat().st_gid)) is None
    file.chmod(0o204)
    assert unreadable([file], NOBODY) is None
    os.chown(file, NUMBER + 1, 0)
    assert unreadable([file], ServiceUser(NUMBER + 1, NUMBER)) == file
    (closed / "dangling").symlink_to("nothing")
    assert unreadable([closed / "a", closed / "dangling"], NOBODY) is None


def test_the_interpreter_and_the_package_are_among_what_it_reads() -> None:
    places = unprivileged.program_places()
    assert root("web") in places
    assert Path(unprivileged.__file__).parent in places
