"""The TFTP server against firmware that uses one port for all it asks, laptops that are reset, and a machine that is short of something."""

import asyncio
import contextlib
import os
import resource
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cloned.netboot.tftp import MAX_PER_CLIENT
from cloned.netboot.tftp_content import Found
from tests.wire.netboot.tftp_client import (
    FILES,
    GOLDEN,
    Client,
    OnePort,
    fetch,
    in_thread,
    lookup,
    open_files,
    settled,
    stream,
)

pytestmark = pytest.mark.wire


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
            while rom.hear()[:2] != b"\0\6":
                pass  # a block of the last file, sent again while we were slow
            if request != "tftp-ovmf-size":  # it only wants to know; that transfer stays open
                rom.ack(0)
                got.append(rom.rest(rom.hear(), block, window))
        return got

    assert await in_thread(boot) == list(stored.values())


async def test_a_request_that_was_repeated_before_the_answer_came_ends_nothing(server):
    """Ours was slow: the laptop is in the middle of the file when we read that it asked again."""

    def impatient():
        rom = OnePort(server)
        data, peer = rom.ask(stream("big"))
        return rom, peer, rom.take(data, peer, blocks=20)

    rom, peer, first = await in_thread(impatient)
    [(client, entry)] = server._clients.items()
    server.request(stream("big"), client, entry.transfer.started - 0.5)  # it came then, by the kernel's clock
    assert first + await in_thread(lambda: rom.rest(peer, 21)) == FILES["big"]
    assert {"repeated"} <= {told.outcome for told in server.told}
    assert "anew" not in [told.outcome for told in server.told]


async def test_a_reset_in_mid_transfer_begins_anew(server, monkeypatch):
    """However soon: what comes after a round trip is no repeat."""
    monkeypatch.setattr("cloned.netboot.tftp.ROUND_TRIP_SECONDS", 0.0)

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
