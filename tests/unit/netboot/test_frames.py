from ipaddress import IPv6Address

from hypothesis import given
from hypothesis import strategies as st

from cloned.netboot import frames

MAC = "52:54:00:00:00:01"


def test_a_real_datagram(golden):
    read = frames.read_udp(golden("dnsmasq-offer"))
    assert (str(read.source), read.port, read.mac, len(read.data)) == ("10.77.0.3", 67, "52:54:00:fe:00:03", 300)


def test_fragments_are_no_datagrams(golden):
    frame = bytearray(golden("dnsmasq-offer"))
    frame[20] = 0x20
    assert frames.read_udp(bytes(frame)) is None


def test_a_real_solicitation_and_our_answer(golden):
    frame = golden("frame-ipxe-router-solicitation")
    mac = frames.read_solicitation(frame)
    assert mac == frame[6:12].hex(":")
    answer = frames.no_router("52:54:00:00:00:99", mac, frame[22:38])
    assert answer[:6] == frame[6:12]
    assert answer[38:54] == frame[22:38]
    assert answer[54:58] == bytes((134, 0)) + answer[56:58]
    assert int.from_bytes(answer[60:62], "big") == 0  # router lifetime: none
    pseudo = answer[22:54] + len(answer[54:]).to_bytes(4, "big") + bytes((0, 0, 0, 58))
    assert frames.checksum(pseudo + answer[54:]) == 0


def test_link_local():
    assert frames.link_local("52:54:00:12:34:56") == IPv6Address("fe80::5054:ff:fe12:3456")


@given(st.binary(max_size=120))
def test_any_frame(data):
    frames.read_udp(data), frames.read_solicitation(data)
