import pytest

from cloned.netboot.inbox import MOST, DhcpDatagram, Inbox, begins
from cloned.netboot.packet import MessageType, Option, Packet, encode

KNOWN, OTHER, NEW = "52:54:00:00:00:0a", "52:54:00:00:00:0b", "52:54:00:00:00:0c"


def datagram(kind, mac=NEW, xid=1):
    return DhcpDatagram(encode(Packet(1, xid, mac, options={Option.TYPE: bytes((kind,))})), "0.0.0.0", 68, 67)


def mac(number):
    return f"02:00:00:00:{number >> 8:02x}:{number & 255:02x}"


def xid(said):
    return int.from_bytes(said.data[4:8], "big")


@pytest.fixture
def inbox():
    return Inbox(lambda mac: mac in (KNOWN, OTHER))


def test_what_goes_on_comes_first(inbox):
    begun, known = datagram(MessageType.DISCOVER), datagram(MessageType.DISCOVER, KNOWN)
    going = [datagram(MessageType.REQUEST, KNOWN), datagram(MessageType.DECLINE, OTHER)]
    for each in (begun, known, *going):
        assert inbox.put(each)
    assert [inbox.take() for _ in range(4)] == [*going, known, begun]
    with pytest.raises(IndexError):
        inbox.take()


def test_the_oldest_beginnings_are_left_out(inbox):
    told = [inbox.put(datagram(MessageType.DISCOVER, mac(number), number)) for number in range(MOST[2] + 10)]
    assert told == [True] * MOST[2] + [False] * 10
    assert xid(inbox.take()) == 10


def test_a_flood_of_requests_of_strangers_does_not_come_before_anybody(inbox):
    """Who was offered nothing has nothing to go on with, whatever he calls it."""
    told = [inbox.put(datagram(MessageType.REQUEST, mac(number))) for number in range(2 * MOST[2])]
    assert told.count(True) == MOST[2]
    going, known = datagram(MessageType.REQUEST, KNOWN), datagram(MessageType.DISCOVER, OTHER)
    assert inbox.put(known)
    assert inbox.put(going)
    assert [inbox.take(), inbox.take()] == [going, known]


def test_who_repeats_himself_has_one_place(inbox):
    """And keeps it, with what he said last."""
    told = [inbox.put(datagram(MessageType.REQUEST, KNOWN, number)) for number in range(3000)]
    assert told == [True] + [False] * 2999
    assert inbox.put(datagram(MessageType.REQUEST, OTHER))
    assert len(inbox) == 2
    assert xid(inbox.take()) == 2999


def test_a_flood_of_requests_neither_grows_nor_starves_the_rest():
    inbox = Inbox(lambda mac: not mac.endswith(":0c"))
    told = [
        inbox.put(datagram(MessageType.REQUEST, f"02:00:00:00:{n >> 7:02x}:{n % 128 + 128:02x}")) for n in range(2048)
    ]
    assert told.count(True) == MOST[0]
    inbox.put(datagram(MessageType.DISCOVER))
    inbox.put(datagram(MessageType.DISCOVER, KNOWN))
    assert [begins(inbox.take().data) for _ in range(64)].count(True) == 2


def test_where_we_give_no_addresses_nobody_needs_one_of_ours():
    inbox = Inbox(None)
    for each in (datagram(MessageType.DISCOVER), datagram(MessageType.REQUEST)):
        assert inbox.put(each)
    assert [begins(inbox.take().data) for _ in range(2)] == [False, True]


@pytest.mark.parametrize("data", [b"", b"\0" * 239, b"\xff" * 241, bytes(300)])
def test_whatever_comes(inbox, data):
    assert inbox.put(DhcpDatagram(data, "0.0.0.0", 68, 67))
    assert inbox.take().data == data
