"""The TFTP server over loopback, against a client that can misbehave."""

import asyncio
import contextlib
import os
import resource
import socket
import struct
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cloned.netboot.tftp import MAX_PER_CLIENT, TftpServer
from cloned.netboot.tftp_content import ContentCache, Found
from cloned.netboot.tftp_transfer import Pump
from cloned.netboot.tftp_wire import Code, TftpError

pytestmark = pytest.mark.wire

GOLDEN, FIELD = Path(__file__).parents[1] / "golden", Path(__file__).parents[2] / "data" / "field"

FILES = {
    "small": b"hello\n",
    "empty": b"",
    "big": os.urandom(200_000),
    "exact": bytes(1024),
    "many": os.urandom(512 * 66_000),
}


async def lookup(name, client):
    if name not in FILES:
        raise TftpError(Code.NOT_FOUND, "no such file")
    return Found(len(FILES[name]), lambda: FILES[name], name)


@pytest.fixture
async def server():
    told = []
    pump, cache = Pump(told.append), ContentCache()
    made = TftpServer("lo", "127.0.0.1", lookup, pump, told.append, cache=cache, port=0)
    made.start()
    made.told = told
    yield made
    await made.close()
    pump.close()
    cache.close()
    await asyncio.sleep(0)
    assert made.transfers == 0


def open_files():
    return len(list(Path("/proc/self/fd").iterdir()))


class Client:
    """A TFTP client whose every step can be controlled; blocking, so it runs in a thread."""

    def __init__(self, server, timeout=5.0):
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.sock.settimeout(timeout)
        self.to = ("127.0.0.1", server.port)

    def __del__(self):
        self.sock.close()

    def ask(self, name, **options):
        words = [name, options.pop("mode", "octet"), *(str(part) for pair in options.items() for part in pair)]
        self.sock.sendto(b"\0\1" + b"".join(word.encode() + b"\0" for word in words), self.to)
        return self.hear()

    def hear(self):
        data, self.to = self.sock.recvfrom(65_536)
        return data

    def ack(self, number):
        self.sock.sendto(struct.pack("!HH", 4, number & 0xFFFF), self.to)

    def rest(self, data, block, window=1):
        """Everything from the packet `data` on: acknowledges each full window and the last block."""
        content, expected = bytearray(), 1
        while True:
            assert data[:2] == b"\0\3", data
            behind = (expected - struct.unpack("!H", data[2:4])[0]) & 0xFFFF
            if 0 < behind <= window:  # the server thought it lost: this machine was busy
                data = self.hear()
                continue
            assert behind == 0
            content += data[4:]
            last = len(data) - 4 < block
            if last or expected % window == 0:
                self.ack(expected)
            if last:
                return bytes(content)
            expected, data = expected + 1, self.hear()

    def fetch(self, name, block=512, window=1, **options):
        if block != 512:
            options["blksize"] = block
        if window != 1:
            options["windowsize"] = window
        data = self.ask(name, **options)
        if options and "mode" not in options:
            assert data[:2] == b"\0\6"
            self.ack(0)
            data = self.hear()
        return self.rest(data, block, window)


async def in_thread(work):
    """In a thread of its own: those of asyncio are as few as there are processors."""
    with ThreadPoolExecutor(1) as threads:
        return await asyncio.get_running_loop().run_in_executor(threads, work)


async def fetch(server, *args, **options):
    return await in_thread(lambda: Client(server).fetch(*args, **options))


async def until(done, seconds=10):
    """Wait for a condition; it fails the test if it does not come."""
    async with asyncio.timeout(seconds):
        while not done():
            await asyncio.sleep(0.01)


async def settled(server):
    """Until no transfer is left."""
    await until(lambda: not server.transfers)


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
        client.sock.settimeout(0.3)
        with pytest.raises(TimeoutError):
            client.hear()
        return second

    assert (await in_thread(doubled))[:4] == b"\0\3\0\2"


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


# Firmware that uses one port for all it asks, and laptops that are reset


def stream(name, **options):
    words = [name, "octet", *(str(part) for pair in options.items() for part in pair)]
    return b"\0\1" + b"".join(word.encode() + b"\0" for word in words)


class OnePort:
    """Firmware that asks for everything from one port, and takes whatever comes from the port that answered first."""

    def __init__(self, server):
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.sock.settimeout(5)
        self.server = ("127.0.0.1", server.port)

    def __del__(self):
        self.sock.close()

    def ask(self, request, before=None):
        """Send a request; the first answer that does not come from the port of the transfer before."""
        self.sock.sendto(request, self.server)
        while True:
            data, peer = self.sock.recvfrom(65_536)
            if before is None or peer != before:
                return data, peer

    def take(self, data, peer, blocks=10**6):
        """So many blocks of 512."""
        content, number = b"", 1
        while number <= blocks:
            if data[:4] == struct.pack("!HH", 3, number):
                content, number = content + data[4:], number + 1
                self.sock.sendto(struct.pack("!HH", 4, number - 1), peer)
                if len(data) < 516:
                    break
            data, other = self.sock.recvfrom(65_536)
            assert other == peer
        return content


async def test_a_stream_of_requests_from_one_port(server):
    """As real firmware's: the size, then the file, then the next one, nothing waited for and no port twice."""

    def boot():
        rom = OnePort(server)
        got, last = [], None
        for name in ("big", "small", "exact"):
            _, last = rom.ask(stream(name, tsize=0), last)  # the size: never acknowledged, nor broken off
            data, last = rom.ask(stream(name), last)
            got.append(rom.take(data, last))
        return got

    assert await in_thread(boot) == [FILES["big"], FILES["small"], FILES["exact"]]


async def test_what_real_firmware_shim_and_grub_ask_for_replayed_from_one_port(server, monkeypatch):
    """The requests as they were recorded: the firmware's size and shim, shim's GRUB, GRUB's configuration."""
    stored = {"shimx64.efi": os.urandom(950_000), "grubx64.efi": os.urandom(90_000), "/grub/grub.cfg": b"# grub\n"}
    stored["grubx64.efi"] *= 3
    for name, content in stored.items():
        monkeypatch.setitem(FILES, name, content)

    def boot():
        rom, got = Client(server), []
        for request, block, window in (
            ("tftp-ovmf-size", 1468, 4), ("tftp-ovmf-shim", 1468, 4), ("tftp-shim-grub", 512, 4), ("tftp-grub-cfg", 1024, 1),
        ):  # fmt: skip
            rom.sock.sendto(bytes.fromhex((GOLDEN / f"{request}.hex").read_text()), ("127.0.0.1", server.port))
            assert rom.hear()[:2] == b"\0\6"
            if request != "tftp-ovmf-size":  # it only wants to know; that transfer stays open
                rom.ack(0)
                got.append(rom.rest(rom.hear(), block, window))
        return got

    assert await in_thread(boot) == list(stored.values())


async def test_a_reset_in_mid_transfer_begins_anew(server):
    def reset():
        rom = OnePort(server)
        data, peer = rom.ask(stream("big"))
        rom.take(data, peer, blocks=20)
        start = time.monotonic()
        data, again = rom.ask(stream("big"), peer)  # the very same request, from the very same port
        return rom.take(data, again), time.monotonic() - start

    content, seconds = await in_thread(reset)
    assert content == FILES["big"]
    assert seconds < 5
    assert "anew" in [told.outcome for told in server.told]
    await settled(server)
    assert server.transfers == 0


async def test_another_file_from_a_port_that_never_answered(server):
    def change():
        rom = OnePort(server)
        _, peer = rom.ask(stream("big"))
        data, other = rom.ask(stream("small"), peer)
        return rom.take(data, other)

    assert await in_thread(change) == FILES["small"]


async def test_tiny_blocks_of_a_large_file_cost_no_memory(server):
    def ask(block):
        client = Client(server)
        data = client.ask("large", blksize=block)
        client.ack(0) if data[:2] == b"\0\6" else None
        return client, data

    FILES["large"] = bytes(30_000_000)
    try:
        before = memory()
        held = await in_thread(lambda: [ask(block) for block in (8, 9, 10, 11)])
        assert memory() - before < 80_000  # KiB: one copy of the file, and what reading it takes
        assert all(data[:4] == b"\0\3\0\1" for _, data in held)  # no option is granted: blocks of 512
    finally:
        del FILES["large"]


def memory():
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() // 1024


async def test_a_slow_disk_for_one_file_holds_up_no_other(server):
    gate = threading.Event()

    def read():
        gate.wait(10)
        return b"slow"

    async def lookup_slow(name, client):
        return Found(4, read, "slow") if name == "slow" else await lookup(name, client)

    server._lookup = lookup_slow
    slow = asyncio.create_task(fetch(server, "slow"))
    assert await fetch(server, "small") == FILES["small"]
    gate.set()
    assert await slow == b"slow"


async def test_transfers_go_on_where_every_descriptor_is_taken(server):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken = []
    with ThreadPoolExecutor(1) as threads:
        clients = [Client(server) for _ in range(MAX_PER_CLIENT)]
        await asyncio.get_running_loop().run_in_executor(threads, int)  # the thread is there
        resource.setrlimit(resource.RLIMIT_NOFILE, (open_files() + 8, hard))
        try:
            with contextlib.suppress(OSError):
                while True:
                    taken.append(os.open("/dev/null", os.O_RDONLY))
            first = await asyncio.get_running_loop().run_in_executor(
                threads, lambda: [client.ask("small") for client in clients]
            )
        finally:
            for each in taken:
                os.close(each)
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert first == [b"\0\3\0\1hello\n"] * MAX_PER_CLIENT


async def test_who_never_answers_makes_room(server, monkeypatch):
    monkeypatch.setattr("cloned.netboot.tftp.MAX_TRANSFERS", 4)
    silent = [Client(server) for _ in range(4)]
    await in_thread(lambda: [client.ask("big") for client in silent])
    assert await fetch(server, "small") == FILES["small"]
