"""The TFTP server where packets are lost, doubled or never answered."""

import time

import pytest

from tests.wire.netboot.tftp_client import Client, in_thread, settled

pytestmark = pytest.mark.wire


async def test_sent_again_after_a_second_then_after_two(server):
    def listen():
        client = Client(server)
        start = time.monotonic()
        first = client.ask("big")
        times = []
        for _ in range(2):
            assert client.hear() == first
            times.append(time.monotonic() - start)
        return times

    first, second = await in_thread(listen)
    assert first > 0.9  # a busy machine may hear it later, never sooner
    assert second > 2.7


async def test_two_lost_acknowledgements_cost_little_once_the_round_trip_is_known(server):
    def lossy():
        client = Client(server)
        data = client.ask("big")
        for number in range(1, 21):
            client.ack(number)
            data = client.hear()
        start = time.monotonic()
        again = client.hear(), client.hear()  # we said nothing, twice
        return (data, data) == again, time.monotonic() - start

    for _ in range(30):  # on a busy machine a block may be late, and sent twice for it
        same, seconds = await in_thread(lossy)
        if same and seconds < 0.5:
            return
    raise AssertionError("no block came twice, early")


async def test_a_doubled_acknowledgement_sends_nothing_twice(server):
    """The Sorcerer's Apprentice (RFC 1123, 4.2.3.1)."""

    def doubled():
        client = Client(server)
        client.ask("big", timeout=3)
        client.ack(0)
        client.hear()
        client.ack(1)
        client.ack(1)
        second = client.hear()
        client.ack(2)  # it is answered after everything that the two before it were answered with
        return second[:4], client.hear()[:4]

    assert await in_thread(doubled) == (b"\0\3\0\2", b"\0\3\0\3")


async def test_a_gap_in_a_window_is_filled_at_once(server):
    def gap():
        client = Client(server)
        client.ask("big", blksize=1024, windowsize=4)
        client.ack(0)
        got = [client.hear() for _ in range(4)]
        client.ack(2)  # 3 was lost: RFC 7440, section 4
        more = [client.hear()[2:4]]
        while more[0] < b"\0\3":  # the whole window again: this machine was busy
            more = [client.hear()[2:4]]
        more += [client.hear()[2:4] for _ in range(3)]
        client.ack(2)  # again at once: what is on its way is not sent a third time
        return got[2][2:4], more

    lost, more = await in_thread(gap)
    assert lost == b"\0\3"
    assert more == [b"\0\3", b"\0\4", b"\0\5", b"\0\6"]


async def test_a_client_that_goes_away_ends_its_transfer(server):
    def leave():
        client = Client(server)
        client.ask("big")
        client.sock.close()

    await in_thread(leave)
    await settled(server)  # a second until the block is sent again and comes back refused
    assert server.transfers == 0
    assert "went away" in server.told[-1].why


async def test_a_client_that_breaks_off_says_why(server):
    def abort():
        client = Client(server)
        client.ask("big", tsize=0)
        client.sock.sendto(b"\0\5\0\x08User aborted\0", client.to)

    await in_thread(abort)
    await settled(server)
    assert server.told[-1].got == "its size, 200000 bytes"
