"""DHCP under load: how many laptops a second get all the way, beside dnsmasq and Kea (where it is), by perfdhcp.

All serve 64,000 addresses on a cable of their own, in the same run, by turns. *Known* laptops are a hundred that ask
again and again, *new* ones each ask once. What counts is how the figure goes on as more are offered than can be served:
it may not fall. perfdhcp takes more than a core itself then, and so what each came to for a second of its own processor
stands beside it. perfdhcp plays a relay agent by default, whom we do not answer: with templates it sends what laptops
send, and a rule of nftables hands it the broadcast answers, which it could not hear else.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Interface
from pathlib import Path
from shutil import which

from cloned import processes
from cloned.errors import ClonedError
from cloned.lab import wiring
from cloned.lab.network import NIC
from cloned.lab.stock import cache_root
from cloned.netboot.packet import BROADCAST_FLAG, Option, Packet, encode

SERVER, CLIENT = IPv4Interface("10.8.0.1/16"), IPv4Interface("10.8.0.2/16")
FIRST, LAST = "10.8.1.1", "10.8.250.250"
RATES = (300, 1000, 3000, 10_000)
"""Laptops offered a second."""
KNOWN = 100
_XID, _MAC, _SERVER_ID, _WISH = 4, 33, 243, 249
"""Where the templates have what perfdhcp fills in: the two options as a whole, the MAC's last byte."""
_PARAMETERS = bytes((1, 3, 6, 51, 54))
_HEAR = f"""table ip perfdhcp {{
 chain hear {{
  type filter hook prerouting priority -300;
  udp dport 68 ip daddr set {CLIENT.ip} meta pkttype set host
 }}
}}
"""


@dataclass(frozen=True)
class LoadReport:
    """What perfdhcp counted."""

    per_second: float
    """Exchanges of four messages."""
    dropped: int
    """Messages of ours that got no answer in time."""
    repeated: int
    """Addresses that went to two laptops."""


@dataclass
class LoadCable:
    """Two namespaces with a cable, made by `load_cable`; `folder` holds what programs need and write."""

    server: str
    client: str
    folder: Path

    def ours(self) -> subprocess.Popen[bytes]:
        """Our server, leasing; it listens when this returns."""
        config, out = self.folder / "cloned.toml", self.folder / "state.json"
        out.unlink(missing_ok=True)
        config.write_text(
            f'[workshop]\nstate = "{self.folder / "state"}"\n[[dhcp.lease]]\ninterface = "{NIC}"\n'
            f'first = "{FIRST}"\nlast = "{LAST}"\n[boot]\nlive = "{self.folder}"\nfiles = "{self.folder}"\n',
            encoding="utf-8",
        )
        command = [sys.executable, "-m", "cloned.lab.bootserver", str(config), str(out)]
        return self._start(command, lambda: out.exists())

    def dnsmasq(self) -> subprocess.Popen[bytes]:
        """The peer, with the same addresses; it listens when this returns."""
        pid = self.folder / "dnsmasq.pid"
        pid.unlink(missing_ok=True)
        (self.folder / "dnsmasq.leases").unlink(missing_ok=True)
        command = [
            "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--port=0", f"--interface={NIC}", "--no-ping",
            "--bind-interfaces", f"--dhcp-leasefile={self.folder / 'dnsmasq.leases'}", "--dhcp-authoritative",
            "--user=root", "--log-facility=/dev/null", f"--pid-file={pid}", "--dhcp-lease-max=64000",
            f"--dhcp-range={FIRST},{LAST},255.255.0.0,1h",
        ]  # fmt: skip
        return self._start(command, lambda: pid.exists() and pid.stat().st_size > 0)

    def kea(self) -> subprocess.Popen[bytes]:
        """The other peer, with the same addresses; it listens when this returns."""
        config, log = self.folder / "kea.json", self.folder / "server.log"
        pool = {"pools": [{"pool": f"{FIRST} - {LAST}"}], "subnet": str(SERVER.network), "id": 1}
        leases = {"type": "memfile", "persist": True, "name": str(self.folder / "kea.csv"), "lfc-interval": 0}
        interfaces = {"interfaces": [NIC]}
        whole = {"valid-lifetime": 3600, "authoritative": True, "lease-database": leases, "subnet4": [pool]}
        config.write_text(json.dumps({"Dhcp4": {**whole, "interfaces-config": interfaces}}), encoding="ascii")
        os.environ["KEA_PIDFILE_DIR"] = os.environ["KEA_LOCKFILE_DIR"] = str(self.folder)
        program = kea_program() or "kea-dhcp4"
        return self._start([program, "-c", str(config)], lambda: b"DHCP4_STARTED" in log.read_bytes())

    def load(self, rate: int, laptops: int, seconds: int, *, patience: float = 1.0, once: bool = False) -> LoadReport:
        """Offer `rate` laptops a second out of so many; each has `patience` seconds for an answer.

        `once`: no laptop comes twice, so every address must be another one.
        """
        words = [
            "perfdhcp", "-4", "-B", *(["-u"] if once else []), "-l", NIC, "-L", "68", "-N", "67",
            *self._templates(), "-X", f"{_XID}", "-X", f"{_XID}", "-O", f"{_MAC}", "-O", f"{_MAC}", "-E", "0",
            "-S", f"{_SERVER_ID}", "-I", f"{_WISH}", "-r", f"{rate}", "-R", f"{laptops}", "-p", f"{seconds}",
            "-d", f"{patience}", "-W", f"{int(patience * 1_000_000)}", "255.255.255.255",
        ]  # fmt: skip
        done = subprocess.run(
            ["ip", "netns", "exec", self.client, *words],
            capture_output=True,
            text=True,
            timeout=seconds + 60,
            check=False,
        )
        return read_report(done.stdout)

    def _templates(self) -> Sequence[str]:
        """A DISCOVER and a REQUEST of a laptop that never asked before."""
        mac = ":".join(("02", *(secrets.token_hex(1) for _ in range(3)), "00", "00"))
        rest: dict[int, bytes] = {Option.PARAMETERS: _PARAMETERS}
        discover: dict[int, bytes] = {Option.TYPE: b"\1", **rest}
        request: dict[int, bytes] = {Option.TYPE: b"\3", Option.SERVER: bytes(4), Option.REQUESTED: bytes(4), **rest}
        words: list[str] = []
        for name, options in (("discover", discover), ("request", request)):
            path = self.folder / f"{name}.hex"
            path.write_text(encode(Packet(1, 0, mac, flags=BROADCAST_FLAG, options=options)).hex(), encoding="ascii")
            words += ["-T", str(path)]
        return words

    def _start(self, command: list[str], listens: Callable[[], bool]) -> subprocess.Popen[bytes]:
        with (self.folder / "server.log").open("wb") as out:
            child = processes.spawn(["ip", "netns", "exec", self.server, *command], stdout=out, stderr=out)
        end = time.monotonic() + 30
        while not listens():
            if child.poll() is not None or time.monotonic() > end:
                child.kill()
                child.wait()
                raise ClonedError((self.folder / "server.log").read_text(encoding="utf-8", errors="replace")[-500:])
            time.sleep(0.05)
        return child


def kea_program() -> str | None:
    """Kea, installed or only unpacked into the lab's cache by `make bench`; None where it is neither."""
    return which("kea-dhcp4") or which("kea-dhcp4", path=str(cache_root() / "kea" / "usr" / "sbin"))


def read_report(text: str) -> LoadReport:
    """What perfdhcp printed; ClonedError if it is no report."""
    rate = re.search(r"^Rate: ([\d.]+)", text, re.MULTILINE)
    if rate is None:
        raise ClonedError(f"perfdhcp did not report: {text.strip()[-300:]}")
    dropped = sum(map(int, re.findall(r"^drops: (\d+)", text, re.MULTILINE)))
    repeated = sum(map(int, re.findall(r"^non unique addresses: (\d+)", text, re.MULTILINE)))
    return LoadReport(float(rate[1]), dropped, repeated)


@contextmanager
def load_cable() -> Iterator[LoadCable]:
    """A cable between two namespaces, both removed again."""
    run = f"cl{secrets.token_hex(3)}"
    server, client = f"{run}-dhcp", f"{run}-load"
    with tempfile.TemporaryDirectory(prefix="cloned-dhcp-") as folder:
        try:
            for name in (server, client):
                wiring.create(name, quiet=False)
            wiring.pair((server, NIC), (client, NIC))
            for name, address in ((server, SERVER), (client, CLIENT)):
                wiring.work(name, partial(wiring.give, name=NIC, address=address))
            (Path(folder) / "hear.nft").write_text(_HEAR, encoding="ascii")
            processes.run(["ip", "netns", "exec", client, "nft", "-f", str(Path(folder) / "hear.nft")])
            yield LoadCable(server, client, Path(folder))
        finally:
            for name in (server, client):
                wiring.remove(name)


def processor(pid: int) -> float:
    """Seconds of processor that a process has used (proc_pid_stat(5): utime, stime)."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Goodput:
    """What a server came to, medians of the turns."""

    per_second: float
    """Laptops that got all the way."""
    per_processor: float
    """The same for each second of its own processor: what a core of its own would come to."""


def goodput(
    *, turns: int = 3, seconds: int = 4, rates: Sequence[int] = RATES
) -> dict[tuple[str, int], dict[str, Goodput]]:
    """(known or new, offered) → server → what it came to."""
    found: dict[tuple[str, int], dict[str, list[Goodput]]] = {}
    with load_cable() as cable:
        peers = {"ours": cable.ours, "dnsmasq": cable.dnsmasq, **({"kea": cable.kea} if kea_program() else {})}
        for _ in range(turns):
            for peer, start in peers.items():
                child = start()
                try:
                    time.sleep(1)  # the first address checks, and probes for other servers
                    for kind, laptops in (("known", KNOWN), ("new", 60_000)):
                        for rate in rates:
                            before = processor(child.pid)
                            report = cable.load(rate, laptops, seconds)
                            used = processor(child.pid) - before
                            done = report.per_second * seconds / used if used else 0.0
                            row = found.setdefault((kind, rate), {}).setdefault(peer, [])
                            row.append(Goodput(report.per_second, done))
                finally:
                    child.terminate()
                    child.wait()
    return {key: {peer: _middle(each) for peer, each in row.items()} for key, row in found.items()}


def _middle(turns: Sequence[Goodput]) -> Goodput:
    return Goodput(
        statistics.median(each.per_second for each in turns), statistics.median(each.per_processor for each in turns)
    )


def main() -> None:
    """Measure and print it as a table."""
    from rich.console import Console
    from rich.table import Table

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=3)
    rows = goodput(turns=parser.parse_args().turns)
    peers = list(next(iter(rows.values())))
    table = Table(box=None, header_style="bold")
    for heading in ("laptops", "offered/s", *(f"{peer}/s" for peer in peers), *(f"{peer}/core" for peer in peers)):
        table.add_column(heading, justify="left" if heading == "laptops" else "right")
    for (kind, rate), row in rows.items():
        figures = [*(row[peer].per_second for peer in peers), *(row[peer].per_processor for peer in peers)]
        table.add_row(kind, f"{rate}", *(f"{each:.0f}" for each in figures))
    Console().print(table)


if __name__ == "__main__":
    main()
