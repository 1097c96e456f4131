"""A stranger: a machine with an address of its own, no boot and no token."""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from ipaddress import IPv4Address
from pathlib import Path

from cloned.lab.hostile.actor import HostileActor
from cloned.lab.hostile.packets import asks, repairs
from cloned.netboot.packet import BROADCAST_FLAG, MessageType, Option, Packet, encode
from cloned.stream.packets import StreamAddress

BOMB = zlib.compress(b" " * 60_000_000, 9)
CALLS = (
    "hello", "report", "ready", "readback", "finished", "failed", "confirm", "capture", "plan",
    "test", "media", "erasing", "erase",
)  # fmt: skip
PATHS = ("/live/initrd", "/live/vmlinuz", "/agent.pyz", "/boot.ipxe", "/grub/grub.cfg", "/../../etc/shadow")


class Stranger(HostileActor):
    """Tries every door from outside."""

    def deeds(self) -> Sequence[Callable[[], None]]:
        """All of it."""
        return (
            self.half_heads,
            self.read_nothing,
            self.drip,
            self.no_http,
            self.bomb,
            self.punycode,
            self.awkward_bodies,
            self.guess_pins,
            self.watch_events,
            self.other_names,
            self.boot_others,
            self.invent_laptops,
            self.tiny_tftp_blocks,
            self.tftp_noise,
            self.dhcp_crowd,
            self.dhcp_decline,
            self.take_every_address,
            self.ask_for_pieces,
        )

    def _port(self) -> int:
        return self.chance.choice((self.spec.boot_port, self.spec.page_port))

    def half_heads(self) -> None:
        """Begin many requests and end none."""
        for _ in range(40):
            self.hold(self._port(), b"GET / HTTP/1.1\r\nHost: " + b"x" * self.chance.randrange(200))

    def read_nothing(self) -> None:
        """Ask for something large and read none of it."""
        self.hold(self.spec.boot_port, b"GET /live/initrd HTTP/1.1\r\nHost: x\r\n\r\n")
        self.hold(self.spec.page_port, b"GET /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")

    def drip(self) -> None:
        """Send a body byte by byte."""
        with self.connect(self._port()) as client:
            client.sendall(b"POST /agent/v1/report HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n")
            for _ in range(20):
                client.sendall(b" ")
                time.sleep(0.02)

    def no_http(self) -> None:
        """Send what is no HTTP."""
        noise = self.chance.choice((b"GET / HTTP/1.1\r\nA\0: b\r\n\r\n", self.chance.randbytes(500), b"\n" * 9000))
        with self.connect(self._port()) as client:
            client.sendall(noise)
            self._all_of(client)

    def bomb(self) -> None:
        """Sixty kilobytes that inflate to sixty megabytes."""
        path = self.chance.choice(("/agent/v1/report", "/agent/v1/hello", "/api/v1/sign-in"))
        self.post(self._port(), path, BOMB, Content_Encoding="deflate")

    def punycode(self) -> None:
        """A charset whose decoder is quadratic."""
        body = b"a" * 60_000 + b"-" + b"b" * 100
        self.http(
            self.spec.page_port, "POST", "/api/v1/sign-in", body, Content_Type="application/json; charset=punycode"
        )

    def awkward_bodies(self) -> None:
        """Bodies that programs stumble over, without a token."""
        call = self.chance.choice(CALLS)
        self.post(self.spec.boot_port, f"/agent/v1/{call}", self.awkward(), Authorization="Bearer \xff")
        self.post(self.spec.page_port, "/api/v1/commands", self.awkward(), Authorization=f"Bearer {'x' * 40}")

    def guess_pins(self) -> None:
        """Guess the PIN."""
        for _ in range(5):
            self.post(self.spec.page_port, "/api/v1/sign-in", {"pin": f"{self.chance.randrange(10**6):06d}"})

    def watch_events(self) -> None:
        """Watch more than anybody can look at."""
        for _ in range(25):
            self.hold(self.spec.page_port, b"GET /events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")

    def other_names(self) -> None:
        """Ask for paths and names that are not ours."""
        self.http(self.spec.page_port, "GET", "/api/v1/state", Host="evil.example")
        self.http(self.spec.boot_port, "GET", self.chance.choice(PATHS))

    def boot_others(self) -> None:
        """Ask for the boot script of laptops that are at work."""
        for mac in self.chance.sample(self.spec.macs, min(3, len(self.spec.macs))):
            self.http(self.spec.boot_port, "GET", f"/boot.ipxe?mac={mac}&platform=efi&uuid=x&serial=%0a%1b")

    def invent_laptops(self) -> None:
        """Boot laptops that are not there."""
        for _ in range(20):
            mac = ":".join(f"{byte:02x}" for byte in (2, *self.chance.randbytes(5)))
            self.http(self.spec.boot_port, "GET", f"/boot.ipxe?mac={mac}&serial=[/x]&product=%3Cscript%3E")

    def tiny_tftp_blocks(self) -> None:
        """Ask for large files in the smallest blocks."""
        name = self.chance.choice(("live/initrd", "live/vmlinuz", "shimx64.efi"))
        size = self.chance.choice((8, 9, 10, 11, 65464))
        self.datagrams(69, [f"\0\1{name}\0octet\0blksize\0{size}\0tsize\0000\0windowsize\00065535\0".encode()] * 4)

    def tftp_noise(self) -> None:
        """Noise at TFTP, DHCP and proxyDHCP."""
        for port in (69, 67, 4011):
            self.datagrams(port, [self.chance.randbytes(self.chance.randrange(1, 1400)) for _ in range(50)])

    def dhcp_crowd(self) -> None:
        """New clients, a hundred at once."""
        self.datagrams(67, [self._dhcp(MessageType.DISCOVER) for _ in range(100)], broadcast=True)

    def dhcp_decline(self) -> None:
        """Decline addresses that were never ours."""
        packets = [self._dhcp(MessageType.DECLINE, self.spec.mac) for _ in range(30)]
        self.datagrams(67, packets, broadcast=True)

    def take_every_address(self) -> None:
        """Ask for whatever is free, each time as somebody else."""
        self.datagrams(67, [self._dhcp(MessageType.REQUEST) for _ in range(200)], broadcast=True)

    def _dhcp(self, kind: MessageType, mac: str = "") -> bytes:
        mac = mac or ":".join(f"{byte:02x}" for byte in (2, *self.chance.randbytes(5)))
        wish = IPv4Address("10.77.1.0") + self.chance.randrange(700)
        server = IPv4Address(self.spec.server)
        options: dict[int, bytes] = {
            Option.TYPE: bytes((kind,)),
            Option.REQUESTED: wish.packed,
            Option.SERVER: server.packed,
        }
        return encode(Packet(1, self.chance.getrandbits(32), mac, flags=BROADCAST_FLAG, options=options))

    def ask_for_pieces(self) -> None:
        """Take part in a stream that was overheard, as hundreds of receivers."""
        with suppress(FileNotFoundError):
            stream = StreamAddress.from_json(json.loads(Path(self.spec.overheard).read_text()))
            self.datagrams(stream.request_port, asks(stream.session, self.chance, 300))
            self.datagrams(stream.request_port, repairs(stream.session, self.chance, 20))
            self.datagrams(stream.request_port, [self.chance.randbytes(200) for _ in range(50)])
