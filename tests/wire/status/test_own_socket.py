"""The control socket: who may open it, also where the group it is for is not ours to give it to."""

from __future__ import annotations

import grp
import itertools
import logging
import os
import socket
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from cloned.errors import MissingError
from cloned.status.own_socket import listen_socket

pytestmark = pytest.mark.wire


@pytest.fixture
async def runner() -> AsyncIterator[web.AppRunner]:
    made = web.AppRunner(web.Application())
    await made.setup()
    yield made
    await made.cleanup()


async def test_our_own_group_may_open_it(runner: web.AppRunner, tmp_path: Path) -> None:
    place = tmp_path / "run" / "control.sock"
    await listen_socket(runner, place, grp.getgrgid(os.getegid()).gr_name)
    assert (place.stat().st_mode & 0o777, place.stat().st_gid) == (0o660, os.getegid())


async def test_without_such_a_group_it_is_ours_alone(runner: web.AppRunner, tmp_path: Path) -> None:
    await listen_socket(runner, tmp_path / "control.sock", "no-such-group")
    assert (tmp_path / "control.sock").stat().st_mode & 0o777 == 0o600


async def test_a_group_that_it_cannot_be_given_to_keeps_nobody_from_working(
    runner: web.AppRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refused(path: Path, uid: int, gid: int) -> None:
        raise PermissionError(1, "Operation not permitted", str(path))

    monkeypatch.setattr("os.chown", refused)
    other = next(each for each in grp.getgrall() if each.gr_gid != os.getegid())
    with caplog.at_level(logging.WARNING):
        await listen_socket(runner, tmp_path / "control.sock", other.gr_name)
    assert (tmp_path / "control.sock").stat().st_mode & 0o777 == 0o600
    assert f"cannot be given to the group {other.gr_name}" in caplog.text


async def test_what_threads_make_meanwhile_is_as_it_should_be(
    runner: web.AppRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scapy keeps a folder in our home, which it makes while we start: without the right to enter it nothing started
    any more."""
    over, made = threading.Event(), tmp_path / "made"
    made.mkdir()

    def make() -> None:
        for number in itertools.count():
            (made / str(number)).mkdir()
            if over.is_set():
                break

    thread = threading.Thread(target=make)
    thread.start()
    try:
        for number in range(50):
            await listen_socket(runner, tmp_path / f"{number}.sock", "no-such-group")
            assert (tmp_path / f"{number}.sock").stat().st_mode & 0o777 == 0o600
    finally:
        over.set()
        thread.join()
    assert {each.stat().st_mode & 0o100 for each in made.iterdir()} == {0o100}


@pytest.mark.parametrize("left", ["a socket", "a file", "a link to nothing"])
async def test_what_a_daemon_that_was_killed_left_there_is_no_trouble(
    runner: web.AppRunner, tmp_path: Path, left: str
) -> None:
    place = tmp_path / "control.sock"
    if left == "a socket":
        with socket.socket(socket.AF_UNIX) as of_the_last:
            of_the_last.bind(str(place))
    elif left == "a file":
        place.write_text("in the way")
    else:
        place.symlink_to(tmp_path / "gone")
    await listen_socket(runner, place, "no-such-group")
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(place))
    assert not place.is_symlink()


async def test_a_folder_in_the_way_is_named(runner: web.AppRunner, tmp_path: Path) -> None:
    (tmp_path / "control.sock").mkdir()
    with pytest.raises(MissingError, match="cannot be made"):
        await listen_socket(runner, tmp_path / "control.sock", "cloned")
