"""Every parser of this room that the wire reaches: whatever bytes come, each gives its answer or its own refusal.

Hypothesis makes a message that is nearly right, then a hundred spoilt ones are made of it: so a failure shrinks to a
small message, and a million inputs are ten thousand examples (`-m nightly`).
"""

import random
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloned.netboot.counters import tftp_kind
from cloned.netboot.files import Shelf, normal
from cloned.netboot.firmware import boot_file, classify
from cloned.netboot.frames import read_solicitation, read_udp
from cloned.netboot.http import read_query
from cloned.netboot.inbox import begins
from cloned.netboot.lease_file import LeaseFile
from cloned.netboot.loaders import ShimFollowers
from cloned.netboot.menus import say
from cloned.netboot.packet import COOKIE, MAXIMUM_BYTES, BadPacket, decode, encode, suboptions, user_classes
from cloned.netboot.raw_packets import sender
from cloned.netboot.tftp_wire import TftpError, agree, netascii, read_answer, read_request
from cloned.quoting import quoted

SPOILT = 100
"""Inputs made of each example."""

options = st.lists(
    st.tuples(st.sampled_from((0, 1, 43, 50, 52, 53, 54, 55, 60, 67, 77, 93, 97, 175, 255)), st.binary(max_size=20))
)
fixed = struct.pack("!BBBBIHH16x16s192x", 1, 1, 6, 0, 7, 0, 0x8000, b"\x52\x54\0\0\0\x0a")
dhcp = options.map(lambda each: fixed + COOKIE + b"".join(bytes((code, len(value))) + value for code, value in each))
word = st.sampled_from((b"octet", b"blksize", b"tsize", b"windowsize", b"timeout", b"0", b"8", b"65464", b"x.efi", b""))
tftp = st.lists(word | st.binary(max_size=12)).map(lambda words: b"\0\1" + b"\0".join(words))
answers = st.binary(max_size=90).map(lambda data: b"\0\4" + data) | st.binary(max_size=90).map(
    lambda data: b"\0\5" + data
)
frame = dhcp.map(
    lambda data: (
        bytes(12)
        + b"\x08\0\x45"
        + bytes(8)
        + b"\x11"
        + bytes(10)
        + struct.pack("!HHHH", 67, 68, 8 + len(data), 0)
        + data
    )
)
names = st.lists(
    st.sampled_from((b"..", b".", b"", b"live", b"grub", b"\\", b"%2e", b"shimx64.efi")) | st.binary(max_size=9)
).map(b"/".join)
row = st.binary(max_size=60).map(
    lambda data: b'{"address": "10.0.0.9", "mac": "a", "until": 5.0, "bound": true}\n' + data
)


def dhcp_message(data):
    begins(data)
    try:
        packet = decode(data)
    except BadPacket:
        return
    client = classify(packet)
    assert all((boot_file(client), str(client)))
    assert packet.text(60).isprintable()
    again = decode(encode(packet)[:MAXIMUM_BYTES]) if sum(map(len, packet.options.values())) < 3000 else packet
    assert (again.mac, again.xid) == (packet.mac, packet.xid)


def lists_in_options(data):
    assert isinstance(suboptions(data), dict)
    assert sum(map(len, user_classes(data))) <= len(data)


def tftp_request(data):
    try:
        request = read_request(data)
    except TftpError as error:
        refused(error)
        return
    if request is not None:
        terms = agree(request.options, 5_000_000, 1468)
        assert 8 <= terms.block <= 1468
        assert 1 <= terms.window <= 64
        assert 5_000_000 // terms.block < 65_535 or terms.block >= 512
        terms.oack()
        assert tftp_kind(request.name) in ("loader", "grub", "live", "other")
        ShimFollowers().wants_grub("10.0.0.1", request.name)


def refused(error):
    assert error.encode().endswith(b"\0")
    assert quoted(error.name).isprintable()


def tftp_answer(data):
    for expected in (0, 1, 65_535, 65_536, 200_000):
        answer = read_answer(data, expected)
        assert answer is None or isinstance(answer, TftpError) or expected - 65_536 < answer <= expected


def server_frame(data):
    found = read_udp(data)
    assert found is None or len(found.data) <= len(data)
    mac = read_solicitation(data)
    assert mac is None or len(mac) == 17
    sender(data)


def text(data):
    netascii(data)
    words = data.decode("utf-8", "surrogateescape")
    assert quoted(words).isprintable()
    assert say(words.encode("utf-8", "replace").decode()).isascii()
    query = dict(zip(("mac", "uuid", "serial", "product", "manufacturer", "platform"), words.split("/"), strict=False))
    request = read_query(
        {"mac": "52:54:00:00:00:0a", **{k: v for k, v in query.items() if k != "mac"}}, "10.0.0.9", "ipxe"
    )
    assert request is not None
    assert all(len(each) <= 64 and each.isprintable() for each in (request.uuid, request.serial, request.product))
    read_query(query, "10.0.0.9", "grub")


PARSERS = {
    "dhcp": (dhcp, dhcp_message),
    "options": (st.binary(max_size=200), lists_in_options),
    "tftp-requests": (tftp, tftp_request),
    "tftp-answers": (answers, tftp_answer),
    "frames": (frame, server_frame),
    "text": (st.binary(max_size=200), text),
}


def spoil(data, chance):
    """`data` with one to four bytes or stretches changed, doubled, cut or made up."""
    found = bytearray(data)
    for _ in range(chance.randrange(1, 5)):
        at, kind = chance.randrange(len(found) + 1), chance.randrange(4)
        if kind == 0 and found:
            found[at % len(found)] = chance.choice((0, 1, 127, 255, chance.randrange(256)))
        elif kind == 1:
            found[at:at] = found[at : at + chance.randrange(40)]
        elif kind == 2:
            del found[at : at + chance.randrange(1 + len(found) // 4)]
        else:
            found[at:at] = chance.randbytes(chance.randrange(9))
    return bytes(found)


def run(name, examples):
    strategy, parse = PARSERS[name]

    @given(strategy, st.integers(0, 2**32))
    def each(data, seed):
        chance = random.Random(seed)
        parse(data)
        for _ in range(SPOILT):
            parse(spoil(data, chance))

    settings(max_examples=examples, deadline=None)(each)()


@pytest.mark.parametrize("name", PARSERS)
def test_whatever_comes(name):
    run(name, 5)


@pytest.mark.nightly
@pytest.mark.parametrize("name", PARSERS)
def test_a_million_of_each(name):
    run(name, 1_000_000 // SPOILT)


def files(shelf, data):
    for name in (data.decode("latin-1"), data.decode("utf-8", "replace")):
        found = shelf.find(name)
        assert found is None or found.is_relative_to(shelf.folders[""].parent / "shown")
        shelf.leads_out(name)
        assert "//" not in normal(name)


@pytest.mark.parametrize("count", [5, pytest.param(2_000, marks=pytest.mark.nightly, id="many")])
def test_names_of_files(tmp_path, count):
    """Fewer: each looks into a folder."""
    (tmp_path / "shown" / "live").mkdir(parents=True)
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "shown" / "shimx64.efi").write_text("shim")
    (tmp_path / "shown" / "live" / "out").symlink_to(tmp_path / "secret")
    shelf = Shelf({"": tmp_path / "shown", "live": tmp_path / "shown" / "live"})

    @settings(max_examples=count, deadline=None)
    @given(names, st.integers(0, 2**32))
    def each(data, seed):
        chance = random.Random(seed)
        files(shelf, data)
        for _ in range(10):
            files(shelf, spoil(data, chance))

    each()


@pytest.mark.parametrize("count", [5, pytest.param(2_000, marks=pytest.mark.nightly, id="many")])
def test_lease_files(tmp_path, count):
    @settings(max_examples=count, deadline=None)
    @given(row, st.integers(0, 2**32))
    def each(data, seed):
        chance = random.Random(seed)
        for _ in range(5):
            (tmp_path / "leases").write_bytes(spoil(data, chance))
            store = LeaseFile(tmp_path / "leases")
            found = store.load()
            store.close()
            assert (tmp_path / "leases").stat().st_size == 128 * len(found)

    each()
