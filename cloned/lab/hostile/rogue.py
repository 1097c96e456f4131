"""A hostile laptop: it boots as any other does, gets a token, and then says whatever it likes."""

from __future__ import annotations

import base64
import json
import re
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from cloned import processes
from cloned.lab.bootrom import UEFI_ARCH, BootError, dhcp
from cloned.lab.hostile.actor import HostileActor, HostileSpec
from cloned.lab.hostile.packets import asks, repairs
from cloned.lab.network import NIC
from cloned.stream.packets import StreamAddress

BOOT_EVERY_SECONDS = 12.0
"""Seconds between two boots: more often the server would not let it."""


class RogueLaptop(HostileActor):
    """Has a token; uses it for everything that a laptop should not do."""

    def __init__(self, spec: HostileSpec) -> None:
        super().__init__(spec)
        self._token, self._session = "", ""
        self._stream: StreamAddress | None = None
        self._booted = float("-inf")

    def deeds(self) -> Sequence[Callable[[], None]]:
        """All of it."""
        return (
            self.boot,
            self.report,
            self.report_awkwardly,
            self.invent_laptops,
            self.say_hello_again,
            self.claim_to_be_ready,
            self.read_back_noise,
            self.fail_oddly,
            self.finish_oddly,
            self.confirm_itself,
            self.erase_itself,
            self.invent_tests,
            self.fetch_pieces,
            self.capture,
            self.flood_the_stream,
            self.hold_calls,
            self.rest,
        )

    def get_address(self) -> None:
        """As any laptop does, by DHCP."""
        with suppress(BootError):
            lease = dhcp(NIC, self.spec.mac, uuid.UUID(int=self.spec.seed).bytes, UEFI_ARCH, ipxe=True)
            processes.run(["ip", "addr", "add", str(lease.address), "brd", "+", "dev", NIC])
            processes.run(["ip", "route", "replace", "224.0.0.0/4", "dev", NIC])

    def _call(self, name: str, body: object) -> object:
        return self.post(self.spec.boot_port, f"/agent/v1/{name}", body, Authorization=f"Bearer {self._token}")

    def boot(self) -> None:
        """Boot and say hello: a token that is good."""
        if time.monotonic() - self._booted < BOOT_EVERY_SECONDS:
            return
        self._booted = time.monotonic()
        query = f"mac={self.spec.mac}&platform=efi&serial=ROGUE{self.spec.seed}&product=Workshop+14&manufacturer=Lab"
        script = self.http(self.spec.boot_port, "GET", f"/boot.ipxe?{query}").decode("utf-8", "replace")
        found = re.search(r"cloned\.boot=http://[^/\s]+/([\w-]+)", script)
        self._token = found[1] if found else self._token
        self._call("hello", self._facts())
        self.report()

    def _facts(self, serial: str = "") -> dict[str, object]:
        disk = {"path": "/dev/sda", "size": 10**12, "serial": f"D{self.spec.seed}", "eligible": True}
        return {
            "serial": serial or f"ROGUE{self.spec.seed}",
            "vendor": "Lab",
            "product": "Workshop 14",
            "macs": [self.spec.mac],
            "boot_mac": self.spec.mac,
            "firmware": "uefi",
            "disks": [disk],
        }

    def report(self) -> None:
        """Report as an honest laptop would, and remember what it is told of the stream."""
        order = self._call("report", {"state": "receiving", "session": self._session, "bytes": 1, "total": 10**9})
        if isinstance(order, dict) and order.get("do") == "restore":
            self._session = str(order.get("session"))
            if isinstance(order.get("stream"), dict):
                self._stream = StreamAddress.from_json(order["stream"])
                Path(self.spec.overheard).write_text(json.dumps(order["stream"]))

    def report_awkwardly(self) -> None:
        """Reports that programs stumble over."""
        self._call("report", self.awkward())
        self._call("report", {"state": "receiving", "session": self._session, "rate": 5e-324, "total": 1e17})

    def invent_laptops(self) -> None:
        """Many laptops out of one boot."""
        for _ in range(5):
            self._call("hello", self._facts(f"INVENTED{self.chance.randrange(10**6)}"))

    def say_hello_again(self) -> None:
        """Hello, hello, hello."""
        for _ in range(10):
            self._call("hello", self.chance.choice((self._facts(), self.awkward())))

    def claim_to_be_ready(self) -> None:
        """Ready for sessions that are not its own, of eight megabytes."""
        self._call("ready", {"session": "x" * (8 << 20), "cleared": ["x" * 1000] * 100})
        self._call("ready", {"session": self._session, "cleared": ["\ud800", 7, None]})

    def read_back_noise(self) -> None:
        """Verdicts out of nothing."""
        pieces = base64.b64encode(self.chance.randbytes(32 * 40)).decode()
        body = {"session": self._session, "round": self.chance.choice((0, 1, 2, 1000, -1, "x")), "pieces": pieces}
        self._call("readback", {**body, "layout": "label gpt\n", "boot_code": None, "gap": "zz"})

    def fail_oddly(self) -> None:
        """Fail with words that cannot be written down."""
        self._call("failed", {"code": "\ud800", "detail": "a\n\x1b[2J\ud800" * 1000})

    def finish_oddly(self) -> None:
        """Finish what was not begun."""
        self._call("finished", {"steps": [{"name": "[/x]", "result": "\ud800", "detail": "\x00"}] * 1000})

    def confirm_itself(self) -> None:
        """Press a key that was not offered."""
        self._call("confirm", {"image": "../..", "disk": {"serial": "\ud800", "wwn": []}})

    def erase_itself(self) -> None:
        """Disks that are not there, records of an erasure that nobody wants, and a key that was not offered."""
        medium = {
            "path": "/dev/sda",
            "size": 2**62,
            "serial": "\ud800",
            "bus": self.chance.choice(("nvme", "[/x]", [], 7)),
        }
        self._call("media", {"media": [medium] * self.chance.choice((1, 1000))})
        self._call("media", self.awkward())
        self._call("erasing", {"erasure": self._session, "disk": {"medium": medium, "offset": -1, "phase": "verified"}})
        self._call("erase", {"disks": [medium["serial"]], "level": self.chance.choice(("clear", "purge", {}, None))})

    def invent_tests(self) -> None:
        """Results of tests that nobody asked for, with words that make no sense."""
        why = self.chance.choice(("[/x]\n\x1b[2J", ["{a}", {"a": "\ud800"}], {"text": "{" * 1000}, 7))
        name = self.chance.choice(("memory", "camera", "\ud800"))
        self._call("test", {"name": name, "result": "passed", "seconds": 1e308, "why": why})

    def fetch_pieces(self) -> None:
        """Pieces one by one, of this session and of others."""
        for piece in (0, 1, 9999999):
            path = f"/agent/v1/pieces/{self._session or 'x'}/{piece}"
            self.hold(
                self.spec.boot_port,
                f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self._token}\r\n\r\n".encode(),
            )

    def capture(self) -> None:
        """Uploads that nobody asked for."""
        self._call("capture", {"image": "x", "expected": 2**62})
        self.http(self.spec.boot_port, "PUT", "/capture/v1/disk?offset=x", b"x" * 1000, Authorization="Bearer \xff")

    def flood_the_stream(self) -> None:
        """Hundreds of receivers at one address, with repairs larger than any frame."""
        if self._stream is not None:
            port, session = self._stream.request_port, self._stream.session
            self.datagrams(port, asks(session, self.chance, 300))
            self.datagrams(port, repairs(session, self.chance, 20))

    def hold_calls(self) -> None:
        """Calls whose body never ends."""
        for _ in range(20):
            head = "POST /agent/v1/report HTTP/1.1\r\nHost: x\r\nContent-Length: 999\r\n"
            self.hold(self.spec.boot_port, f"{head}Authorization: Bearer {self._token}\r\n\r\n{{".encode())

    def rest(self) -> None:
        """Fall silent in the middle of it."""
        time.sleep(self.chance.random())
