"""Classic Clonezilla sessions: one udp-sender a partition, held by the daemon as on a lead.

The daemon, not udpcast, decides who is in: the sender runs on a pseudo-terminal without
--min-receivers, says who has connected, and starts when a key is pressed (clonezilla/udpcast.py). It does
not die of SIGTERM, so it gets SIGKILL in every ending; when the daemon itself is killed, the
kernel does it (PR_SET_PDEATHSIG).
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import pty
import socket
import struct
import subprocess
import termios
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cloned import netlink
from cloned.clonezilla.udpcast import (
    DISCONNECT,
    STALL_SECONDS,
    Admission,
    ClassicStream,
    Lines,
    SenderWord,
    Sent,
    understand,
)
from cloned.errors import ClonedError
from cloned.processes import spawn
from cloned.saying import Phrase

log = logging.getLogger(__name__)

RETRIES = 200
"""--retries-until-drop: high, since too few drop the healthy too and the daemon ejects by itself."""

PATIENCE_SECONDS = 600.0
"""Seconds to wait for a receiver that is wanted. Our laptops are set aside long before if they fall silent or stand
still; a guest says nothing until it connects."""

EJECT_EVERY_SECONDS = 1.0
"""Seconds between two tries to eject."""

GO_AFTER_SECONDS = 1.0
"""Seconds to wait once all are in: a stranger may be a moment behind."""


@dataclass(frozen=True)
class StreamOutcome:
    """How a stream ended."""

    finished: frozenset[str]
    """Addresses that have all bytes."""
    dropped: frozenset[str]
    """Addresses that were ejected or gave up."""
    bytes: int = 0


class StrangerError(ClonedError):
    """Somebody connected who is none of ours, before the stream began."""


class Sender:
    """One udp-sender: one partition to exactly the wanted receivers."""

    def __init__(
        self,
        files: Sequence[Path],
        interface: str,
        port_base: int,
        admission: Admission,
        *,
        max_bitrate: float = 0.0,
        on_said: Callable[[SenderWord], None] | None = None,
        on_out: Callable[[str, str], Awaitable[None]] | None = None,
        on_turn: Callable[[float], None] | None = None,
        patience: float = PATIENCE_SECONDS,
        untouched: bool = False,
    ) -> None:
        """`files`: an image file's parts in order, sent as they are; `interface`: name of the network card.

        `max_bitrate`: bit/s; 0 for none. `on_out` hears of each wanted receiver that is given up, and why, once;
        `on_turn` is called with the time several times a second. `untouched`: nobody has written anything yet, so
        a stranger is no reason to eject, but to stop with StrangerError and to use other ports.
        """
        self.stream = ClassicStream(admission, time.monotonic())
        self._admission, self._on_out, self._patience = admission, on_out, patience
        self._untouched = untouched
        self._tried: dict[str, float] = {}
        self.port_base = port_base
        self._files, self._interface, self._max_bitrate = list(files), interface, max_bitrate
        self._on_said, self._on_turn = on_said, on_turn
        self._terminal = -1
        self._children: list[subprocess.Popen[bytes]] = []

    async def run(self) -> StreamOutcome:
        """Wait for the wanted ones, send, and end; ClonedError if udp-sender fails. Leaves no process behind.

        Strangers and those who hold the others up are ejected; it ends early if nobody is left.
        """
        loop = asyncio.get_running_loop()
        output: asyncio.Queue[bytes] = asyncio.Queue()
        self._start()
        loop.add_reader(self._terminal, self._read, output)
        try:
            return await self._follow(output)
        finally:
            loop.remove_reader(self._terminal)
            await asyncio.shield(asyncio.to_thread(self._end))

    def eject(self, address: str) -> None:
        """Have the sender forget one receiver, dead or alive, and go on with the rest."""
        log.warning("classic stream %d: %s is ejected", self.port_base, address)
        send_disconnect(address, _address_of(self._interface), self.port_base)

    # -- inside -----------------------------------------------------------------------------------

    def _start(self) -> None:
        """Start `cat FILES | udp-sender`: its keyboard is a terminal of ours, so the data comes as /dev/fd/N."""
        self._terminal, slave = pty.openpty()
        _no_echo(slave)
        read, write = os.pipe()
        try:
            self._children.append(spawn(["cat", *self._files], stdout=write))
            self._children.append(spawn(self._command(read), stdin=slave, stdout=slave, stderr=slave, pass_fds=[read]))
        finally:
            for descriptor in (slave, read, write):
                os.close(descriptor)
        os.set_blocking(self._terminal, False)

    def _command(self, data: int) -> list[str]:
        limit = ["--max-bitrate", f"{self._max_bitrate / 1000:.0f}k"] if self._max_bitrate else []
        return [
            "udp-sender", "--file", f"/dev/fd/{data}", "--interface", self._interface, "--mcast-all-addr", "224.0.0.1",
            "--portbase", str(self.port_base), "--ttl", "1", "--retries-until-drop", str(RETRIES), *limit,
        ]  # fmt: skip

    def _read(self, output: asyncio.Queue[bytes]) -> None:
        try:
            got = os.read(self._terminal, 65536)
        except BlockingIOError:
            return
        except OSError:  # EIO: the last one to hold the terminal has gone
            got = b""
        if not got:
            asyncio.get_running_loop().remove_reader(self._terminal)
        output.put_nowait(got)

    async def _follow(self, output: asyncio.Queue[bytes]) -> StreamOutcome:
        stream, lines, tail = self.stream, Lines(), ""
        ready_since: float | None = None
        while True:
            try:
                got = await asyncio.wait_for(output.get(), 0.25)
            except TimeoutError:
                got = None
            now = time.monotonic()
            for line in lines.feed(got or b""):
                tail = line if "bytes=" not in line else tail
                self._hear(line, now)
            if got == b"":
                return await self._ended(tail)
            if self._admission.gone:
                return self._outcome()
            ready_since = (ready_since or now) if stream.ready() else None
            if ready_since is not None and now - ready_since >= GO_AFTER_SECONDS:
                os.write(self._terminal, b"\n")
                ready_since = now
            await self._put_out(now)
            if self._on_turn is not None:
                self._on_turn(now)

    async def _put_out(self, now: float) -> None:
        """Give up who never came, and eject who should not be in or stands still."""
        stream = self.stream
        foreign = self._admission.foreign(stream.inside.values())
        if self._untouched and foreign is not None and not stream.started:
            raise StrangerError(
                Phrase(
                    "{foreign}, which is none of its laptops, connected to port {port_base}",
                    foreign=foreign,
                    port_base=self.port_base,
                )
            )
        for address in stream.missing(now, self._patience):
            await self._give_up(
                address, Phrase("it did not connect within {patience} s", patience=f"{self._patience:.0f}")
            )
        for address in stream.to_eject(now):
            if now - self._tried.get(address, 0.0) >= EJECT_EVERY_SECONDS:
                self._tried[address] = now
                self.eject(address)
                await self._give_up(
                    address, Phrase("it stood still for {stall} s or more", stall=f"{STALL_SECONDS:.0f}")
                )

    async def _give_up(self, address: str, why: str) -> None:
        wanted = self._admission.wanted
        if wanted is None or address in wanted:
            self._admission.keep((wanted or frozenset(self.stream.inside.values())) - {address})
            if self._on_out is not None:
                await self._on_out(address, why)

    def _hear(self, line: str, now: float) -> None:
        said = understand(line)
        if said is None:
            return
        if not isinstance(said, Sent):
            log.info("classic stream %d: %s", self.port_base, line.strip())
        self.stream.take_in(said, now)
        if self._on_said is not None:
            self._on_said(said)

    async def _ended(self, tail: str) -> StreamOutcome:
        status = await asyncio.to_thread(self._children[-1].wait)
        if not self.stream.complete and not self.stream.dropped:
            raise ClonedError(
                Phrase("udp-sender on port {port_base} ended ({status})", port_base=self.port_base, status=status), tail
            )
        return self._outcome()

    def _outcome(self) -> StreamOutcome:
        stream = self.stream
        return StreamOutcome(frozenset(stream.finished), frozenset(stream.dropped), stream.sent)

    def _end(self) -> None:
        for child in reversed(self._children):
            child.kill()
            child.wait()
        os.close(self._terminal)


def send_disconnect(receiver: str, server: str, port_base: int) -> None:
    """Send udpcast's disconnect in a receiver's name: from its address and port base to ours, port base + 1."""
    length = 8 + len(DISCONNECT)
    source, target = socket.inet_aton(receiver), socket.inet_aton(server)
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + length, 0, 0, 64, socket.IPPROTO_UDP, 0, source, target)
    datagram = struct.pack("!HHHH", port_base, port_base + 1, length, 0) + DISCONNECT  # RFC 768: checksum 0 is none
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
        raw.sendto(header + datagram, (server, 0))


def _address_of(interface: str) -> str:
    """The first IPv4 address of a network card; OSError where it has none."""
    found = netlink.addresses(netlink.link(interface).index)
    if not found:
        raise OSError(errno.EADDRNOTAVAIL, f"{interface} has no IPv4 address")
    return str(found[0].ip)


def _no_echo(terminal: int) -> None:
    """Keep the key that starts the sender out of its output."""
    attributes = termios.tcgetattr(terminal)
    attributes[3] &= ~termios.ECHO
    termios.tcsetattr(terminal, termios.TCSANOW, attributes)
