import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloned.netboot.packet import MINIMUM_BYTES, BadPacket, MessageType, Option, Packet, decode, encode, suboptions

NAMES = ["seabios-ipxe-discover", "ovmf-pxe-discover", "ovmf-http-request", "snponly-request"]


@pytest.mark.parametrize("name", NAMES)
def test_real_packets_survive_a_round_trip(golden, name):
    packet = decode(golden(name))
    assert decode(encode(packet)) == packet


def test_real_discover(golden):
    packet = decode(golden("ovmf-pxe-discover"))
    assert (packet.op, packet.kind, packet.flags) == (1, MessageType.DISCOVER, 0x8000)
    assert packet.mac.endswith(":00:01")
    assert packet.text(Option.CLASS) == "PXEClient:Arch:00007:UNDI:003000"


def test_options_may_go_on_in_file_and_sname():
    fixed = encode(Packet(1, 1, "52:54:00:00:00:01"))
    raw = bytearray(fixed[:240] + bytes((Option.OVERLOAD, 1, 3, Option.TYPE, 1, 1, 255)))
    raw[108 : 108 + 5] = bytes((Option.BOOT_FILE, 2)) + b"ab" + b"\xff"
    raw[44 : 44 + 5] = bytes((Option.BOOT_FILE, 2)) + b"cd" + b"\xff"
    packet = decode(bytes(raw))
    assert packet.options[Option.BOOT_FILE] == b"abcd"  # RFC 3396: parts are joined
    assert (packet.file, packet.sname) == (b"", b"")


def test_long_options_are_split_and_joined():
    packet = Packet(1, 1, "52:54:00:00:00:01", options={Option.TYPE: b"\1", 43: bytes(600)})
    assert decode(encode(packet)).options[43] == bytes(600)


def test_short_messages_are_padded():
    assert len(encode(Packet(2, 1, "52:54:00:00:00:01"))) == MINIMUM_BYTES


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda raw: raw[:100], "no DHCP message"),
        (lambda raw: raw + bytes(5000), "no DHCP message"),
        (lambda raw: b"\3" + raw[1:], "not Ethernet"),
        (lambda raw: raw[:2] + b"\x10" + raw[3:], "not Ethernet"),
        (lambda raw: raw[:236] + b"evil" + raw[240:], "magic cookie"),
        (lambda raw: raw[:240] + bytes((53,)), "cut short"),
        (lambda raw: raw[:240] + bytes((53, 200, 1)), "cut short"),
    ],
)
def test_malformed(golden, change, words):
    with pytest.raises(BadPacket, match=words):
        decode(change(golden("ovmf-pxe-discover")))


def test_a_type_said_twice_is_no_type(golden):
    raw = golden("ovmf-pxe-discover")
    assert decode(raw[:240] + bytes((53, 1, 1, 53, 1, 3, 255))).kind is None


@given(st.binary(max_size=700))
def test_any_bytes(data):
    with contextlib.suppress(BadPacket):
        decode(data)


@given(st.binary(max_size=400))
def test_any_options(data):
    raw = encode(Packet(1, 1, "52:54:00:00:00:01"))[:240] + data
    try:
        packet = decode(raw)
    except BadPacket:
        return
    assert decode(encode(packet)).options == packet.options
    packet.text(Option.CLASS), packet.address(Option.SERVER), packet.kind


@given(st.binary(max_size=300))
def test_any_suboptions(data):
    assert all(isinstance(value, bytes) for value in suboptions(data).values())
