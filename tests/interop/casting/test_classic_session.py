"""A whole classic session: two parts one after the other, to Debian's own receivers."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import pytest

from tests.interop.casting.bridge import ONE, TWO, Net, digest, line, until_connected, until_received

pytestmark = pytest.mark.interop

SESSION = """
import asyncio, json, sys
from pathlib import Path
from cloned.casting.classic_session import ClassicSession, StreamPart
from cloned.core.effect_types import OpenStream
from cloned.core.ids import SessionId
guests, wanted = int(sys.argv[1]), sys.argv[2].split(",")
parts = [StreamPart(name, [Path(name)]) for name in sys.argv[3:]]
async def tell(event):
    print(json.dumps([event.kind, getattr(event, "address", "") or event.error]), flush=True)
opened = OpenStream(SessionId("s"), 1, "i", "", "guests" if guests else "classic", 2232, guests)
session = ClassicSession(opened, parts, "br0", "10.98.0.1", lambda wish: 900e6, tell)
if not guests:
    session.admission.wanted = frozenset(wanted)
asyncio.run(session.run())
"""


@pytest.fixture
def parts(tmp_path: Path) -> list[Path]:
    made = [tmp_path / "sda1.img", tmp_path / "sda2.img"]
    for part in made:
        part.write_bytes(os.urandom(3_000_000))
    return made


@pytest.mark.parametrize("guests", [0, 2])
def test_part_after_part_on_ports_of_their_own(net: Net, parts: list[Path], tmp_path: Path, guests: int) -> None:
    session = net.start("s", sys.executable, "-c", SESSION, str(guests), f"{ONE},{TWO}", *map(str, parts))
    for number, part in enumerate(parts):
        caught = [net.catch(laptop, 2232 + 2 * number, tmp_path / f"{laptop}.{number}") for laptop in ("1", "2")]
        assert [child.wait(30) for child in caught] == [0, 0]
        assert digest(tmp_path / f"1.{number}") == digest(tmp_path / f"2.{number}") == digest(part)
    assert json.loads(line(session)) == ["stream-ended", ""]
    assert session.wait(10) == 0


def test_who_left_is_not_waited_for_by_the_second_part(net: Net, parts: list[Path], tmp_path: Path) -> None:
    """A receiver that is killed in the first part is ejected, and the engine hears of it."""
    big = [tmp_path / "big", parts[1]]
    big[0].write_bytes(os.urandom(1_000_000) * 150)
    session = net.start("s", sys.executable, "-c", SESSION, "0", f"{ONE},{TWO}", *map(str, big))
    good, bad = net.catch("1", 2232, tmp_path / "1.0"), net.catch("2", 2232, tmp_path / "2.0")
    until_received(tmp_path / "2.0", 100_000)
    bad.kill()
    began = time.monotonic()
    assert json.loads(line(session)) == ["ejected", TWO]
    assert time.monotonic() - began < 20
    assert good.wait(60) == 0
    assert net.catch("1", 2234, tmp_path / "1.1").wait(30) == 0
    assert json.loads(line(session)) == ["stream-ended", ""]
    assert digest(tmp_path / "1.1") == digest(parts[1])


def test_a_stranger_at_the_first_port_means_another_session(net: Net, parts: list[Path], tmp_path: Path) -> None:
    """Nothing was written yet: the laptops go over to fresh ports, and nobody gets a byte here."""
    session = net.start("s", sys.executable, "-c", SESSION, "0", ONE, *map(str, parts))
    net.catch("2", 2232, tmp_path / "stranger")
    kind, error = json.loads(line(session))
    assert kind == "stream-ended"
    assert f"{TWO}, which is none of its laptops, connected to port 2232" in error
    assert session.wait(10) == 0
    assert net.senders() == []
    assert not (tmp_path / "stranger").exists() or (tmp_path / "stranger").stat().st_size == 0


def test_a_stranger_at_a_later_port_is_put_out(net: Net, parts: list[Path], tmp_path: Path) -> None:
    session = net.start("s", sys.executable, "-c", SESSION, "0", ONE, *map(str, parts))
    assert net.catch("1", 2232, tmp_path / "1.0").wait(30) == 0
    net.catch("2", 2234, tmp_path / "stranger")
    until_connected(tmp_path / "stranger")
    assert net.catch("1", 2234, tmp_path / "1.1").wait(30) == 0
    assert [json.loads(line(session)) for _ in range(2)] == [["ejected", TWO], ["stream-ended", ""]]
    assert digest(tmp_path / "1.1") == digest(parts[1])
