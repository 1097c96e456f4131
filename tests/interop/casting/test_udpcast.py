"""Debian's udp-sender on our lead, and Debian's udp-receivers, in namespaces on a bridge."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.interop.casting.bridge import ONE, TWO, Net, digest, line, until_connected, until_received
from tests.waiting import block_until

pytestmark = pytest.mark.interop

HOLD = """
import asyncio, json, sys
from pathlib import Path
from cloned.casting.udpcast import Sender
from cloned.clonezilla.udpcast import Admission
files, wanted, patience = [Path(name) for name in sys.argv[1].split(",")], sys.argv[2].split(","), float(sys.argv[3])
admission = Admission(None, int(wanted[0])) if wanted[0].isdigit() else Admission(frozenset(wanted))
out = []
async def hear(address, why):
    out.append(address)
async def main():
    sender = Sender(files, "br0", 2232, admission, on_out=hear, patience=patience)
    print(2232, flush=True)
    end = await sender.run()
    print(json.dumps([out, sorted(end.finished), sorted(end.dropped), end.bytes]), flush=True)
asyncio.run(main())
"""


def hold(net: Net, files: list[Path], *wanted: str, patience: float = 100.0) -> subprocess.Popen[bytes]:
    return net.start("s", sys.executable, "-c", HOLD, ",".join(map(str, files)), ",".join(wanted), str(patience))


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """An image file in two parts, as split(1) leaves it."""
    parts = [tmp_path / "sda1.ext4-ptcl-img.zst.aa", tmp_path / "sda1.ext4-ptcl-img.zst.ab"]
    for part in parts:
        part.write_bytes(os.urandom(6_000_000))
    return parts


def test_exactly_the_wanted_ones_get_it_bit_by_bit(net: Net, files: list[Path], tmp_path: Path) -> None:
    holder = hold(net, files, ONE, TWO)
    port = int(line(holder))
    caught = [net.catch("1", port, tmp_path / "1")]
    until_connected(tmp_path / "1")
    assert holder.poll() is None  # one is not yet there
    caught.append(net.catch("2", port, tmp_path / "2"))
    out, finished, dropped, _ = json.loads(line(holder))
    assert (out, finished, dropped) == ([], [ONE, TWO], [])
    assert [child.wait(5) for child in caught] == [0, 0]
    assert digest(tmp_path / "1") == digest(tmp_path / "2") == digest(*files)
    assert net.senders() == []


def test_a_stranger_is_ejected_before_it_starts(net: Net, files: list[Path], tmp_path: Path) -> None:
    holder = hold(net, files, ONE)
    port = int(line(holder))
    net.catch("2", port, tmp_path / "stranger")
    until_connected(tmp_path / "stranger")
    net.catch("1", port, tmp_path / "1")
    out, finished, dropped, count = json.loads(line(holder))
    assert (out, finished, dropped, count) == ([], [ONE], [TWO], 12_000_000)
    assert digest(tmp_path / "1") == digest(*files)


def test_who_never_comes_is_not_waited_for(net: Net, files: list[Path], tmp_path: Path) -> None:
    holder = hold(net, files, ONE, TWO, patience=3)
    port = int(line(holder))
    net.catch("1", port, tmp_path / "1")
    out, finished, _, count = json.loads(line(holder))
    assert (out, finished, count) == ([TWO], [ONE], 12_000_000)


def test_the_first_two_guests_are_enough(net: Net, files: list[Path], tmp_path: Path) -> None:
    holder = hold(net, files, "2")
    port = int(line(holder))
    for laptop in ("1", "2"):
        net.catch(laptop, port, tmp_path / laptop)
    _, finished, _, _ = json.loads(line(holder))
    assert finished == [ONE, TWO]
    assert digest(tmp_path / "1") == digest(tmp_path / "2") == digest(*files)


def test_a_killed_daemon_leaves_no_sender(net: Net, files: list[Path]) -> None:
    holder = hold(net, files, ONE)
    line(holder)
    block_until(lambda: net.senders())
    holder.kill()
    holder.wait()
    block_until(lambda: not net.senders())


@pytest.mark.slow
def test_a_frozen_one_is_ejected_within_ten_seconds(net: Net, files: list[Path], tmp_path: Path) -> None:
    many = files * 20
    holder = hold(net, many, ONE, TWO)
    port = int(line(holder))
    good, frozen = net.catch("1", port, tmp_path / "1"), net.catch("2", port, tmp_path / "2")
    until_received(tmp_path / "2", 1_000_000)
    frozen.send_signal(signal.SIGSTOP)
    began = time.monotonic()
    out, finished, dropped, count = json.loads(line(holder))
    assert (out, finished, dropped, count) == ([TWO], [ONE], [TWO], 240_000_000)
    assert good.wait(5) == 0
    assert time.monotonic() - began < 10 + 240e6 / 10e6
    assert digest(tmp_path / "1") == digest(*many)
