"""What systemd hears, on a real datagram socket."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloned.assets import root
from cloned.errors import Exit, MissingError
from cloned.inventory.database import LedgerUnreadable
from cloned.journal import JournalDamaged
from cloned.systemd import DAMAGED, Heartbeat, ending, notify, reloading, watchdog_seconds

pytestmark = pytest.mark.wire


@pytest.fixture
def heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "notify"))
        sock.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        yield sock


def test_words_and_states_arrive(heard: socket.socket) -> None:
    notify("READY=1")
    assert heard.recv(999) == b"READY=1"
    reloading()
    first, second = heard.recv(999).decode().splitlines()
    assert first == "RELOADING=1"
    assert second.removeprefix("MONOTONIC_USEC=").isdigit()


def test_the_watchdog_is_fed_only_while_work_moves(heard: socket.socket) -> None:
    done, waiting = [0], [0]
    beat = Heartbeat(lambda: "12 laptops", lambda: done[0], lambda: waiting[0])
    fed = []
    for now_done, now_waiting in [(0, 0), (0, 3), (0, 3), (1, 3), (1, 2), (1, 0)]:
        done[0], waiting[0] = now_done, now_waiting
        beat.beat()
        told = heard.recv(999).decode().splitlines()
        assert told[0] == "STATUS=12 laptops"
        fed.append("WATCHDOG=1" in told)
    assert fed == [True, False, False, True, False, True]


def test_how_often_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WATCHDOG_USEC", raising=False)
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    assert watchdog_seconds() is None
    monkeypatch.setenv("WATCHDOG_USEC", "30000000")
    assert watchdog_seconds() == 30.0
    monkeypatch.setenv("WATCHDOG_PID", "1")
    assert watchdog_seconds() is None


def test_nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    notify("READY=1")


@pytest.mark.parametrize("error", [JournalDamaged(Path("j"), "malformed"), LedgerUnreadable("x", "restore a backup")])
def test_what_a_new_start_would_only_meet_again_is_not_started_again(
    heard: socket.socket, error: MissingError, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ending(error) == DAMAGED
    assert b"restore" in heard.recv(999)
    unit = (root("systemd") / "cloned.service").read_text()
    assert f"\nRestartPreventExitStatus={int(Exit.USAGE)} {DAMAGED}\n" in unit
    assert ending(MissingError("no wired network interface has a link")) == Exit.MISSING
    assert ending(ZeroDivisionError()) == Exit.FAILED
    monkeypatch.delenv("NOTIFY_SOCKET")
    assert ending(error) == Exit.MISSING
