"""Files to fetch, and a TFTP client that can misbehave."""

import asyncio
import os
import socket
import struct
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from cloned.netboot.tftp_content import Found
from cloned.netboot.tftp_wire import Code, TftpError
from tests.waiting import until

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


async def settled(server):
    """Until no transfer is left."""
    await until(lambda: not server.transfers)


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

    def rest(self, peer, number):
        """What comes from block `number` on, where the one before was acknowledged."""
        while True:
            data, other = self.sock.recvfrom(65_536)
            assert other == peer
            if data[:4] == struct.pack("!HH", 3, number):
                return self.take(data, peer, first=number)

    def take(self, data, peer, blocks=10**6, first=1):
        """So many blocks of 512."""
        content, number = b"", first
        while number <= blocks:
            if data[:4] == struct.pack("!HH", 3, number):
                content, number = content + data[4:], number + 1
                self.sock.sendto(struct.pack("!HH", 4, number - 1), peer)
                if len(data) < 516:
                    break
            data, other = self.sock.recvfrom(65_536)
            assert other == peer
        return content
