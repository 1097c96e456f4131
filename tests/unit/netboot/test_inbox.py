import pytest

from cloned.netboot.inbox import MOST, DhcpDatagram, Inbox, begins
from cloned.netboot.packet import MessageType, Option, Packet, encode

KNOWN, NEW = "52:54:00:00:00:0a", "52:54:00:00:00:0b"


def datagram(kind, mac=NEW, xid=1):
    return DhcpDatagram(encode(Packet(1, xid, mac, options={Option.TYPE: bytes((kind,))})), "0.0.0.0", 68, 67)


@pytest.fixture
def inbox():
    return Inbox(lambda mac: mac.hex(":") == KNOWN)


def test_what_goes_on_comes_first(inbox):
    begun, known = datagram(MessageType.DISCOVER), datagram(MessageType.DISCOVER, KNOWN)
    going = [datagram(MessageType.REQUEST), datagram(MessageType.DECLINE)]
    for each in (begun, known, *going):
        assert inbox.put(each)
    assert [inbox.take() for _ in range(4)] == [*going, known, begun]
    with pytest.raises(IndexError):
        inbox.take()


def test_the_oldest_beginnings_are_left_out(inbox):
    told = [inbox.put(datagram(MessageType.DISCOVER, xid=number)) for number in range(MOST[2] + 10)]
    assert told == [True] * MOST[2] + [False] * 10
    assert int.from_bytes(inbox.take().data[4:8], "big") == 10


def test_a_flood_of_requests_neither_grows_nor_starves_the_rest(inbox):
    told = [inbox.put(datagram(MessageType.REQUEST)) for _ in range(2 * MOST[0])]
    assert told.count(True) == MOST[0]
    inbox.put(datagram(MessageType.DISCOVER))
    inbox.put(datagram(MessageType.DISCOVER, KNOWN))
    assert [begins(inbox.take().data) for _ in range(64)].count(True) == 2


@pytest.mark.parametrize("data", [b"", b"\0" * 239, b"\xff" * 241, bytes(300)])
def test_whatever_comes(inbox, data):
    assert inbox.put(DhcpDatagram(data, "0.0.0.0", 68, 67))
    assert inbox.take().data == data
