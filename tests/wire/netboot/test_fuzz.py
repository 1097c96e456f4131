"""Hostile bytes into the handlers, exactly as the sockets would hand them over: nothing raises, nothing grows."""

import asyncio
import gc
import random
import resource
import socket
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest

from cloned.netboot.dhcp import PXE_PORT, SERVER_PORT, Mode, Segment
from cloned.netboot.history import History
from cloned.netboot.lease_file import LeaseFile
from cloned.netboot.leases import Pool
from cloned.netboot.listener import DhcpServer
from cloned.netboot.raw_packets import arp_probe, dhcp_broadcast, read_arp
from cloned.netboot.tftp import TftpServer
from cloned.netboot.tftp_content import ContentCache, Found
from cloned.netboot.tftp_transfer import Pump, Transfer
from cloned.netboot.tftp_wire import Blocks, Code, Terms, TftpError

pytestmark = pytest.mark.wire

GOLDEN = Path(__file__).parents[1] / "golden"
SHORT, LONG = 20_000, 1_000_000
COUNTS = [pytest.param(SHORT, id="short"), pytest.param(LONG, id="million", marks=pytest.mark.nightly)]


def corpus(pattern):
    return [bytes.fromhex(path.read_text()) for path in sorted(GOLDEN.glob(pattern))]


def mutated(chance, seeds):
    """A real packet with a few bytes changed, cut, doubled or made up."""
    data = bytearray(chance.choice(seeds))
    for _ in range(chance.randrange(1, 6)):
        kind = chance.randrange(6)
        at = chance.randrange(len(data) + 1)
        if kind == 0 and data:
            data[at % len(data)] = chance.choice((0, 1, 255, chance.randrange(256)))
        elif kind == 1:
            del data[at:]
        elif kind == 2:
            data[at:at] = data[at : at + chance.randrange(64)]
        elif kind == 3:
            data[at:at] = chance.randbytes(chance.randrange(32))
        elif kind == 4:
            del data[at : at + chance.randrange(16)]
        elif len(data) > 241:  # among the options, where it hurts
            data[240 + chance.randrange(len(data) - 240)] = chance.randrange(256)
        if len(data) > 5000:
            del data[5000:]
    return bytes(data)


def memory():
    gc.collect()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # KiB, the highest so far


async def without_growth(count, step):
    """Run `step` so many times; the second half may need no more memory than the first."""
    for number in range(count // 2):
        step()
        if number % 500 == 0:
            await asyncio.sleep(0)
    half = memory()
    for number in range(count // 2):
        step()
        if number % 500 == 0:
            await asyncio.sleep(0)
    assert memory() - half < 8192


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("mode", [Mode.LEASE, Mode.PROXY])
async def test_dhcp(tmp_path, mode, count):
    place = Segment("none", IPv4Address("10.77.0.1"), IPv4Network("10.77.0.0/22"), 8069)
    pool = Pool(IPv4Address("10.77.1.1"), IPv4Address("10.77.1.200"), 600, Memory()) if mode is Mode.LEASE else None
    listener = DhcpServer(place, "52:54:00:00:00:99", mode, History(), pool=pool)
    listener._judge(0)
    chance, seeds = random.Random(4711), corpus("*-discover.hex") + corpus("*-request.hex")
    for address in pool.to_check(300, 1) if pool else []:
        pool.checked(address, 1e12)  # stays fresh: the fuzzer has no time to wait for ARP

    def step():
        data = mutated(chance, seeds)
        if chance.random() < 0.3 and len(data) > 34:  # many laptops
            data = data[:28] + chance.randbytes(6) + data[34:]
        listener.handle(data, "10.77.2.9", 68, chance.choice((SERVER_PORT, PXE_PORT)))

    await without_growth(count, step)
    assert listener._counter.figures()["malformed", "silent"] > count / 100
    listener.close()


class Memory:
    problem = ""

    def load(self):
        return []

    def save(self, lease):
        assert lease.address

    def flush(self):
        pass


@pytest.mark.parametrize("count", COUNTS)
async def test_what_servers_send(count):
    place = Segment("none", IPv4Address("10.77.0.1"), IPv4Network("10.77.0.0/22"), 8069)
    listener = DhcpServer(place, "52:54:00:00:00:99", Mode.AUTO, History())
    chance, seeds = random.Random(4712), [*corpus("dnsmasq-*.hex"), dhcp_broadcast("52:54:00:00:00:01", bytes(300))]
    await without_growth(count, lambda: listener.overheard(mutated(chance, seeds)))
    listener.close()


@pytest.mark.parametrize("count", [2_000, pytest.param(100_000, id="many", marks=pytest.mark.nightly)])
async def test_arp(count):
    """Fewer of them: scapy takes a while for each."""
    chance, probe = random.Random(4716), arp_probe("52:54:00:00:00:01", "10.77.1.5")
    claim = probe[:28] + bytes((10, 77, 1, 5)) + probe[32:]
    await without_growth(count, lambda: read_arp(mutated(chance, [probe, claim, claim])))


@pytest.mark.parametrize("count", COUNTS)
async def test_tftp_requests(count):
    async def lookup(name, client):
        if len(name) % 2:
            raise TftpError(Code.NOT_FOUND, "no such file")
        return Found(3, lambda: b"abc", name)

    failed, told = [], []
    pump, cache = Pump(failed.append), ContentCache()
    server = TftpServer("lo", "127.0.0.1", lookup, pump, told.append, cache=cache, port=0)
    chance, seeds = random.Random(4713), corpus("tftp-*.hex")
    nobody = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    nobody.bind(("127.0.0.1", 0))

    def step():
        told.clear()
        server.request(mutated(chance, seeds), nobody.getsockname())

    await without_growth(count, step)
    await server.close()
    pump.close()
    cache.close()
    nobody.close()
    assert failed == []


@pytest.mark.parametrize("count", COUNTS)
async def test_tftp_answers(count):
    chance, blocks = random.Random(4714), Blocks(bytes(100_000), 64)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    transfers = []

    def step():
        if not transfers or transfers[-1].outcome is not None:
            window = chance.choice((1, 1, 4, 64))
            transfers[:] = [Transfer(ours, blocks, Terms(64, window, 0, {"blksize": "64"}))]
            transfers[-1].start(0)
        kind = chance.randrange(4)
        answer = b"\0\4" + chance.randbytes(2) if kind == 0 else chance.randbytes(chance.randrange(8))
        if kind == 1:
            answer = transfers[-1]._expected
        theirs.send(answer)
        transfers[-1].readable(chance.random())
        try:
            while True:
                theirs.recv(70_000)
        except BlockingIOError:
            pass

    await without_growth(count, step)
    ours.close()
    theirs.close()


def test_a_lease_file_of_rubbish(tmp_path):
    chance = random.Random(4715)
    for _ in range(300):
        (tmp_path / "leases").write_bytes(
            mutated(chance, [b'{"address": "10.77.1.1", "mac": "a", "until": 5.0, "bound": true}\n'])
        )
        LeaseFile(tmp_path / "leases").load()
