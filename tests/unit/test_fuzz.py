"""Mutated bytes into every parser of ours that the wire reaches: understood or refused, never anything else.

DHCP, ARP and TFTP are in tests/wire/netboot/test_fuzz.py. A few thousand inputs here, a million in the nightly run.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import replace

import pytest

from cloned import wire
from cloned.core import trials
from cloned.core.finishing import read_steps
from cloned.core.hello import facts, read_back
from cloned.core.ids import Identity, LaptopId
from cloned.core.laptop import Contact, Facts, Laptop, State
from cloned.disk.erase_record import DiskErasure
from cloned.disk.media import Medium
from cloned.monitor import _figures, _parts, _probe, _slow_card
from cloned.netboot.http import read_query
from cloned.saying import sentence
from cloned.status.hosts import host_of
from cloned.stream import bitsets, packets
from cloned.stream.packets import Answer, Ask, Bye, Mark, Repair
from cloned.stream.receivers import MOST_RECEIVERS, PER_ADDRESS
from cloned.stream.sender import StreamSender

SHORT, LONG = 3_000, 1_000_000
COUNTS = [pytest.param(SHORT, id="short"), pytest.param(LONG, id="million", marks=pytest.mark.nightly)]
SESSION, PIECES = 7, 500
LAPTOP = Laptop(LaptopId("l1"), 1, Facts(Identity()), State.RECEIVING, 0.0, 0.0)
SPOKEN = replace(LAPTOP, contact=Contact(hellos=1))
HELLO = json.dumps(
    {
        "uuid": "4c4c4544-0039-4210-8052-b7c04f4e3732",
        "serial": "PF1",
        "macs": ["02:00:00:00:00:01"],
        "nics": [{"mac": "02:00:00:00:00:01", "speed_mbps": 1000, "duplex": "half"}],
        "boot_mac": "02:00:00:00:00:01",
        "disks": [{"path": "/dev/sda", "size": 10**11, "serial": "S", "eligible": True, "sector_size": 512}],
        "session": "abc",
        "layout": "label gpt\n",
        "boot_code": "00" * 32,
        "gap": None,
        "pieces": "AAAA" * 32,
    }
).encode()
ASK = Ask(SESSION, 11, 3, 5, 17, 100, 2, 24, wants=bitsets.of({1, 2, 300}))
REQUESTS = [
    packets.ask(ASK),
    packets.bye(Bye(SESSION, 11, 4)),
    *packets.repairs(ASK, [(3, 2900, bitsets.of({0, 5, 2000})), (4, 10, 1)], 4),
]
DATA = [
    packets.mark(Mark(SESSION, 5, 1000)),
    packets.answer(Answer(SESSION, 11, 3, 5, 100, 4, 1)),
    bytes(packets.packetize(packets.prefix(SESSION, 3, 2, 9), b"x" * 2000)[: packets.PACKET]),
]


def mutated(chance: random.Random, seeds: list[bytes]) -> bytes:
    """A real input with a few bytes changed, cut, doubled or made up."""
    data = bytearray(chance.choice(seeds))
    for _ in range(chance.randrange(1, 6)):
        at = chance.randrange(len(data) + 1)
        kind = chance.randrange(5)
        if kind == 0 and data:
            data[at % len(data)] = chance.choice((0, 1, 127, 255, chance.randrange(256)))
        elif kind == 1:
            del data[at:]
        elif kind == 2:
            data[at:at] = data[at : at + chance.randrange(64)]
        elif kind == 3:
            data[at:at] = chance.choice(
                (chance.randbytes(chance.randrange(16)), b"\\ud800", b"1e-999", b"[[[", b"null")
            )
        else:
            del data[at : at + chance.randrange(16)]
    return bytes(data[:4000])


def hammered(count: int, seeds: list[bytes], parse: Callable[[bytes], object]) -> None:
    chance = random.Random(count)
    for _ in range(count):
        data = mutated(chance, seeds)
        try:
            parse(data)
        except ValueError:
            continue


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize(
    "meant", [facts, read_back, lambda data: wire.dumps(data).encode()], ids=["hello", "read", "say"]
)
def test_agents_bodies(count: int, meant: Callable[[object], object]) -> None:
    def parse(data: bytes) -> object:
        found = wire.parse(data)
        if meant is read_back and not isinstance(found, dict):
            return None
        return repr(meant(found)).encode()

    hammered(count, [HELLO], parse)


REPORT = {
    "state": "receiving", "session": "abc", "round": 1, "bytes": 5, "total": 10, "rate": 3.5, "pieces_left": 2, "lost": 0,
    "held_by": "network", "via": "multicast", "said": "x", "probe": {"heard": 3, "expected": 4},
    "disks": [{"disk": "S", "done": 0.5, "words": "x"}], "slow_card": {"mbit": 180, "off": True},
    "parts": {"panel": {"width": 1, "height": 1, "width_mm": 1, "height_mm": 1}, "late": ["batteries"], "threads": 4},
    "name": "memory", "result": "passed", "why": "x", "seconds": 3.0, "steps": [["grow", "done", ""]],
    "message": "{a} is odd", "values": {"a": 1}, "path": "/dev/sda", "size": 10**11, "serial": "S", "wwn": "",
    "medium": {"path": "/dev/sda", "size": 10**11}, "level": "clear", "technique": "overwrite", "phase": "running",
    "ata": {"sanitize": True}, "barred": {"message": "x", "values": {}}, "remembered": [], "unreached": [[1, 2]],
}  # fmt: skip
ODD = (None, True, -1, 10**400, 1e308, "", "x", "\u202e", [], [[]], [None], {}, {"a": {}}, {"message": {}}, {"values": []},
       [{}] * 40, {"disk": []}, {"size": "x"}, {"mbit": 10**400}, [[1]], {"heard": -1, "expected": 10**400})  # fmt: skip


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize(
    "meant",
    [_figures, _probe, lambda told: _slow_card(LAPTOP, told),
     lambda told: _parts(SPOKEN, told), lambda told: trials.read(told, 1.0), Medium.from_json,
     DiskErasure.from_json, sentence, lambda told: read_steps(told.get("steps")), facts],
    ids=["figures", "probe", "slow card", "parts", "test", "medium", "erasure", "sentence", "steps", "hello"],
)  # fmt: skip
def test_values_of_any_other_shape(count: int, meant: Callable[[dict[str, object]], object]) -> None:
    """Each part of what agents tell, but of another type than it should be."""
    chance = random.Random(count)
    for _ in range(count):
        told: dict[str, object] = {**REPORT, **json.loads(HELLO)}
        for name in chance.sample(list(told), chance.randrange(1, 4)):
            told[name] = chance.choice(ODD)
            if chance.random() < 0.3:
                del told[name]
        try:
            repr(meant(told)).encode()
        except ValueError:
            continue


@pytest.mark.parametrize("count", COUNTS)
def test_requests_of_the_stream_and_what_the_sender_makes_of_them(count: int) -> None:
    chance = random.Random(count)
    sender = StreamSender(SESSION, PIECES, 5, 24)
    for number in range(count):
        now = number / 200
        request = packets.read_request(mutated(chance, REQUESTS), SESSION, PIECES)
        if request is not None:
            sender.hear(request, now, f"10.0.0.{chance.randrange(100)}")
        if number % 4 == 0:
            for piece in sender.to_load(now):
                sender.loaded(piece, 1 + piece % 100)
            sender.next(now)
        if number % 50 == 0:
            sender.samples(now)
    assert len(sender.receivers.known) <= min(MOST_RECEIVERS, 100 * PER_ADDRESS)


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("read", [packets.read_data, packets.read_mark, packets.read_answer, packets.read_prefix])
def test_what_receivers_take_in(count: int, read: Callable[[bytes], object]) -> None:
    hammered(count, DATA, read)


@pytest.mark.parametrize("count", COUNTS)
def test_names_in_requests(count: int) -> None:
    def parse(data: bytes) -> object:
        text = data.decode("utf-8", "surrogateescape")
        query = dict.fromkeys(("uuid", "serial", "manufacturer", "product", "platform"), text)
        asked = read_query({"mac": "02:00:00:00:00:01", **query}, "10.0.0.5", "ipxe")
        assert asked is not None
        wire.line(text).encode()
        return host_of(text), repr(asked).encode()

    hammered(count, [b"cloned.local:8080", b"[fe80::1%eth0]:80", b"Latitude 5490 \xc3\xa9"], parse)


def test_a_repair_of_a_known_receiver_never_reaches_beyond_a_frame() -> None:
    sender = StreamSender(SESSION, PIECES, 5, 24)
    sender.hear(ASK, 0.0, "10.0.0.5")
    sender.hear(Repair(SESSION, 11, 3, 5, 17, [(3, packets.MAX_PACKETS, 1 << 5000)]), 0.0, "10.0.0.5")
    for piece in sender.to_load(0.0):
        sender.loaded(piece, 10)
    while (item := sender.next(0.0)) is not None and not isinstance(item, Mark):
        assert max(item.indexes) < 10
