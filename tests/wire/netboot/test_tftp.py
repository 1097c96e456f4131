"""The TFTP server over loopback: every way of fetching, errors, one address that asks much."""

import asyncio
import struct
import time

import pytest

from cloned.netboot.tftp import MAX_PER_CLIENT
from tests.waiting import until
from tests.wire.netboot.tftp_client import FIELD, FILES, Client, fetch, in_thread, open_files, settled

pytestmark = pytest.mark.wire


@pytest.mark.parametrize("name", ["small", "empty", "big", "exact"])
@pytest.mark.parametrize(("block", "window"), [(512, 1), (1428, 1), (1024, 8), (1468, 64), (8, 4)])
async def test_every_way_of_fetching(server, name, block, window):
    if (name, block) == ("big", 8):
        pytest.skip("25,000 blocks add nothing to the rollover test")
    assert await fetch(server, name, block, window) == FILES[name]
    await settled(server)
    assert server.told[-1].complete
    assert server.told[-1].name == name


async def test_block_numbers_roll_over(server):
    assert await fetch(server, "many", 512, 16) == FILES["many"]


async def test_netascii(server):
    assert await fetch(server, "small", mode="netascii") == b"hello\r\n"


async def test_size_and_limits(server):
    data = await in_thread(lambda: Client(server).ask("big", tsize=0, blksize=9000, windowsize=1000, timeout=2))
    assert data == b"\0\6blksize\x001468\0tsize\x00200000\0timeout\x002\0windowsize\x0064\0"


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (b"\0\1nothing\0octet\0", 1),
        (b"\0\2small\0octet\0", 2),
        (b"\0\1small\0mail\0", 4),
        (b"\0\1small", 4),
    ],
)
async def test_errors(server, request_, code):
    def talk():
        client = Client(server)
        client.sock.sendto(request_, client.to)
        return client.hear()

    data = await in_thread(talk)
    assert struct.unpack("!HH", data[:4]) == (5, code)
    assert data.endswith(b"\0")


@pytest.mark.parametrize(
    ("file", "name"),
    [("tftp-name-option97", "shimx64.efia"), ("tftp-shim158-onboard", "Onboard"), ("tftp-shim158-usb", "USB")],
)
async def test_a_name_that_firmware_mangled_is_in_the_log(server, caplog, file, name):
    with caplog.at_level("INFO"):
        client = Client(server)
        client.sock.sendto((FIELD / f"{file}.bin").read_bytes(), client.to)
        assert (await in_thread(client.hear))[:2] == b"\0\5"
    assert any(name in record.getMessage() for record in caplog.records if "TFTP" in record.getMessage())
    assert any(name in told.name for told in server.told)


async def test_silent_ones_do_not_slow_the_others(server):
    silent = [Client(server) for _ in range(10)]
    await in_thread(lambda: [client.ask("big") for client in silent])
    start = time.monotonic()
    assert await fetch(server, "big", 1428, 16) == FILES["big"]
    assert time.monotonic() - start < 1
    assert server.transfers >= 10


async def test_one_address_gets_so_many_transfers_and_no_more(server):
    silent = [Client(server) for _ in range(MAX_PER_CLIENT)]
    await in_thread(lambda: [client.ask("big") for client in silent])
    data = await in_thread(lambda: Client(server).ask("big"))
    assert data[:4] == b"\0\5\0\0"
    assert b"too many" in data


async def test_an_impatient_client_has_one_transfer(server):
    client = Client(server)
    await in_thread(lambda: client.ask("big"))
    port = client.to
    for _ in range(5):
        client.sock.sendto(b"\0\1big\0octet\0", ("127.0.0.1", server.port))
    await until(lambda: [told.outcome for told in server.told].count("repeated") == 5)
    assert server.transfers == 1
    assert client.to == port


async def test_a_repeated_request_gets_the_lost_first_block_at_once(server):
    def impatient():
        client = Client(server)
        first, asked = client.ask("big"), time.monotonic()
        client.sock.sendto(b"\0\1big\0octet\0", ("127.0.0.1", server.port))
        return first == client.hear(), time.monotonic() - asked

    same, seconds = await in_thread(impatient)
    assert same
    assert seconds < 0.9  # the timer alone takes a second


async def test_sixteen_at_once(server):
    results = await asyncio.gather(*(fetch(server, "big", 1428) for _ in range(MAX_PER_CLIENT)))
    assert all(result == FILES["big"] for result in results)


async def test_nothing_is_left_open(server):
    before = open_files()
    for _ in range(20):
        await fetch(server, "small")
        await in_thread(lambda: Client(server).ask("nothing"))
    await settled(server)
    await until(lambda: open_files() <= before + 1)
