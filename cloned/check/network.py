"""The network that laptops are on: interface, link, other DHCP servers, packet filter, multicast, ports."""

from __future__ import annotations

import json
import secrets
import shutil
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from cloned import client
from cloned.casting.caster import REQUEST_PORTS, SPAN
from cloned.check.findings import Said, ok, skipped, warned
from cloned.check.firewall import FirstPacket, Passage, Ruleset
from cloned.check.translated import filled, translates
from cloned.config import Config
from cloned.errors import ClonedError, MissingError
from cloned.json_data import JsonObject, as_object
from cloned.netboot.frames import DHCP_SERVERS, ETH_IP, packet_socket, read_udp
from cloned.netboot.interfaces import Interface, describe
from cloned.netboot.packet import BadPacket, decode, encode
from cloned.netboot.service import check_pools, choose_interfaces
from cloned.netboot.watch import ServerWatch, probe
from cloned.processes import run
from cloned.saying import Phrase, headed
from cloned.stream import probe as multicast
from cloned.stream.probe import GROUP

LISTEN_SECONDS = 3.0
"""Seconds in which a DHCP server answers: RFC 2131 §4.4.1 has clients wait as long before they ask again."""
SILENT_SECONDS = 5.0
"""Seconds after which nobody will: dnsmasq, and what is built on it, first pings the address for three."""
LATEST_SECONDS = 10.0
"""Seconds after which this look ends, however long a busy machine took to begin."""
GIGABIT = 1000
BROADCAST = "255.255.255.255"
ASKED_AT = (REQUEST_PORTS, REQUEST_PORTS + SPAN - 1)
"""UDP ports that laptops ask for pieces at, one for each session."""


def _interfaces(config: Config) -> list[Interface]:
    return [describe(name) for name in choose_interfaces(config)]


def interfaces(config: Config) -> Iterator[Said | ClonedError]:
    """Each interface that laptops are on: its address, its link, and whether the pool lies in its network."""
    found = _interfaces(config)
    check_pools(found, {pool.interface: pool for pool in config.dhcp.lease})
    for nic in found:
        speed = _speed(nic.name)
        place = f"{nic.name} {nic.address}/{nic.network.prefixlen}"
        yield ok(", ".join([place, f"{speed} Mb/s"]) if speed else place)
        if not _carrier(nic.name):
            yield warned(Phrase("{name} has no link", name=nic.name), "plug in its cable")
        elif speed and speed < GIGABIT:
            yield warned(
                Phrase("{name} runs at {speed} Mb/s", name=nic.name, speed=speed),
                "try another cable or another port of the switch",
            )


def _speed(name: str) -> int:
    """Mb/s as the kernel has it; 0 where it does not tell."""
    with suppress(OSError, ValueError):
        return max(0, int(Path(f"/sys/class/net/{name}/speed").read_text()))
    return 0


def _carrier(name: str) -> bool:
    with suppress(OSError):
        return Path(f"/sys/class/net/{name}/carrier").read_text().strip() == "1"
    return False


def dhcp(config: Config) -> Iterator[Said | ClonedError]:
    """Other DHCP servers, seen by asking as a laptop would; nothing is offered to anybody."""
    found = _interfaces(config)
    with ThreadPoolExecutor(max(1, len(found))) as at_once:  # several would come to no end one after the other
        latest = time.monotonic() + LATEST_SECONDS
        asked = [(nic, at_once.submit(_servers, nic, latest)) for nic in found]
    for nic, answer in asked:
        try:
            servers = answer.result()
        except PermissionError:
            yield skipped("asking needs raw packets", "use sudo, or the systemd service")
            return
        leasing = any(pool.interface == nic.name for pool in config.dhcp.lease)
        yield _judged(nic, servers, leasing=leasing, mode=config.dhcp.mode)


def _judged(nic: Interface, servers: list[str], *, leasing: bool, mode: str) -> Said | ClonedError:
    names = ", ".join(servers)
    if leasing and servers:
        words = Phrase("{names} gives addresses on {name}, and so would we", names=names, name=nic.name)
        return ClonedError(words, "turn one of the two off: remove [[dhcp.lease]], or that server")
    if leasing or mode == "off":
        return ok(Phrase("{name}: no other DHCP server", name=nic.name) if not servers else headed(nic.name, names))
    if servers:
        return ok(Phrase("{name}: {names} gives addresses, we answer beside it", name=nic.name, names=names))
    words = Phrase("{name}: no DHCP server answers, and none is configured here", name=nic.name)
    return warned(
        words,
        Phrase('if this network has none, add [[dhcp.lease]] interface = "{name}"; see the example', name=nic.name),
    )


def _servers(nic: Interface, latest: float) -> list[str]:
    """Addresses of DHCP servers that answer a DISCOVER of ours; where none does at first, it is waited for longer."""
    from cloned.netboot.raw_packets import dhcp_broadcast  # scapy takes half a second

    watch = ServerWatch(nic.address)
    with packet_socket(nic.name, ETH_IP, DHCP_SERVERS) as sock:
        for arch in (0, 7):
            sock.send(dhcp_broadcast(nic.mac, encode(probe(nic.mac, secrets.randbits(32), arch))))
        began = time.monotonic()
        while (left := min(began + _patience(watch), latest) - time.monotonic()) > 0:
            sock.settimeout(left)
            with suppress(TimeoutError):
                _overheard(watch, sock.recv(2048), nic)
    return [str(each.address) for each in watch.leasing(time.time())]


def _patience(watch: ServerWatch) -> float:
    return LISTEN_SECONDS if watch.leasing(time.time()) else SILENT_SECONDS


def _overheard(watch: ServerWatch, frame: bytes, nic: Interface) -> None:
    datagram = read_udp(frame)
    if datagram is None or datagram.mac == nic.mac:
        return
    with suppress(BadPacket):
        watch.heard(decode(datagram.data), datagram.source, datagram.mac, time.time())


def firewall(config: Config) -> Iterator[Said | ClonedError]:
    """Whether the packet filter lets laptops in: nftables' rules, firewalld's among them."""
    if shutil.which("nft", path="/usr/sbin:/sbin:/usr/bin") is None:
        yield skipped("nft is not installed", "apt-get install nftables has the packet filter looked at")
        return
    done = run(["nft", "-j", "list", "ruleset"], check=False, timeout=5)
    if done.returncode:
        yield skipped("the packet filter's rules cannot be read by this user", "use sudo, or the systemd service")
        return
    yield from _passages(Ruleset.from_json(_told(as_object(json.loads(done.stdout or b"{}")))), config)
    if tables := _legacy_tables():
        yield warned(
            Phrase("rules of iptables-legacy ({tables}) cannot be read here", tables=", ".join(tables)),
            "see `iptables-legacy -S`; iptables-nft, firewalld and nftables are read",
        )


def _told(data: JsonObject) -> JsonObject:
    """The rules; those of iptables' as nft's text has them, which its JSON does not tell."""
    if not translates(data):
        return data
    done = run(["nft", "-a", "list", "ruleset"], check=False, timeout=5)
    whole = b"not found" not in done.stderr  # without an extension of iptables' its part is left out of the text
    return filled(data, done.stdout.decode(errors="replace")) if whole else data


def _legacy_tables() -> list[str]:
    """Tables of the packet filter that came before nftables, where its modules are loaded; root alone sees them."""
    with suppress(OSError):
        return Path("/proc/net/ip_tables_names").read_text().split()
    return []


def _wanted(config: Config, nic: Interface, rules: Ruleset) -> Iterator[tuple[str, FirstPacket]]:
    """What laptops send first, each with what it is for."""
    here, wire = str(nic.address), str(nic.network)
    yield "DHCP", FirstPacket(nic.name, "udp", 67, BROADCAST, "0.0.0.0", 68)  # noqa: S104 - as who has no address yet
    yield "proxyDHCP", FirstPacket(nic.name, "udp", 4011, here, wire)
    yield "TFTP", FirstPacket(nic.name, "udp", 69, here, wire)
    yield Phrase("booting over HTTP"), FirstPacket(nic.name, "tcp", config.network.boot_port, here, wire)
    yield Phrase("the page"), FirstPacket(nic.name, "tcp", config.page.port, here)
    yield "IGMP", FirstPacket(nic.name, "igmp", 0, "224.0.0.22", wire)
    for port in rules.ports(*ASKED_AT):
        yield Phrase("laptops asking for an image"), FirstPacket(nic.name, "udp", port, here, wire)


def _passages(rules: Ruleset, config: Config) -> Iterator[Said | ClonedError]:
    well = True
    for nic in _interfaces(config):
        found: dict[str, tuple[Passage, FirstPacket]] = {}
        for what, packet in _wanted(config, nic, rules):
            passage = rules.passage(packet)
            if what not in found or _WORSE[passage] > _WORSE[found[what][0]]:
                found[what] = passage, packet
        for what, (passage, packet) in found.items():
            well = well and passage is Passage.OPEN
            if passage is not Passage.OPEN:
                yield _not_open(what, packet, passage, rules.maker)
    if well:
        yield ok("lets laptops in")


_WORSE = {Passage.OPEN: 0, Passage.UNKNOWN: 1, Passage.CLOSED: 2}


def _not_open(what: str, packet: FirstPacket, passage: Passage, maker: str) -> Said | ClonedError:
    ports = "{}-{}".format(*ASKED_AT) if packet.port >= ASKED_AT[0] else str(packet.port)
    where = f"{packet.protocol} port {ports}" if packet.port else packet.protocol
    if passage is Passage.UNKNOWN:
        words = Phrase(
            "whether the packet filter lets {what} ({where}) in on {name} cannot be told",
            what=what, where=where, name=packet.interface,
        )  # fmt: skip
        return warned(words, "try it")
    return ClonedError(
        Phrase("the packet filter drops {what} ({where}) on {name}", what=what, where=where, name=packet.interface),
        Phrase("let it in: {command}", command=_opens(packet, ports, maker)),
    )


def _opens(packet: FirstPacket, ports: str, maker: str) -> str:
    """The command that opens a port, in the language of whatever made the rules."""
    name, protocol = packet.interface, packet.protocol
    if maker == "firewalld":
        added = f"--add-port={ports}/{protocol}" if packet.port else f"--add-protocol={protocol}"
        zone = f"$(firewall-cmd --get-zone-of-interface={name})"
        return f"firewall-cmd --permanent --zone={zone} {added}; firewall-cmd --reload"
    if maker == "ufw" and packet.port:
        return f"ufw allow in on {name} proto {protocol} to any port {ports.replace('-', ':')}"
    if maker in ("ufw", "iptables"):
        told = f"-p {protocol} --dport {ports.replace('-', ':')}" if packet.port else f"-p {protocol}"
        return f"iptables -I INPUT -i {name} {told} -j ACCEPT"
    told = f"{protocol} dport {ports}" if packet.port else f"ip protocol {protocol}"
    return f"nft insert rule inet filter input iifname {name} {told} accept"


def loopback(config: Config) -> Iterator[Said | ClonedError]:
    """Multicast to ourselves: a packet of the probe's kind sent and received through each interface."""
    for nic in _interfaces(config):
        try:
            heard = _heard_ourselves(nic)
        except OSError as error:
            yield ClonedError(
                Phrase("multicast on {name}: {strerror}", name=nic.name, strerror=error),
                "see `ip route` and `ip maddr`",
            )
            continue
        if heard:
            yield ok(Phrase("{name} sends and receives multicast", name=nic.name))
        else:
            yield ClonedError(
                Phrase("{name} does not hear its own multicast", name=nic.name), "see the packet filter and `ip maddr`"
            )
    yield from _through_the_switch(config)


def _heard_ourselves(nic: Interface) -> bool:
    packet = multicast.encode(multicast.Probe(secrets.randbits(64), 0))
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mouth,
    ):
        ear.bind((GROUP, 0))
        ear.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(GROUP) + nic.address.packed)
        ear.settimeout(1)
        mouth.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, nic.address.packed)
        mouth.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 1)
        mouth.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 0)  # to ourselves only
        mouth.sendto(packet, (GROUP, ear.getsockname()[1]))
        with suppress(TimeoutError):
            return ear.recv(2048) == packet
    return False


def _through_the_switch(config: Config) -> Iterator[Said]:
    """What the running daemon knows of laptops that multicast does not reach; nobody else can tell."""
    told = _daemon(config)
    if told is None:
        yield skipped("through the switch: no daemon runs that would know", "start it and let a laptop boot")
        return
    codes = ("no-multicast", "multicast-loss")
    found = [each for each in told.get("warnings", []) if each["code"] in codes]
    for each in found:
        yield warned(each["text"], each["hint"])
    if not found:
        yield ok("no laptop is known that multicast does not reach")


def _daemon(config: Config) -> dict[str, list[dict[str, str]]] | None:
    """What the running daemon says of the workshop; None where none runs."""
    try:
        found: dict[str, list[dict[str, str]]] = client.get(config.workshop.runtime, "/api/v1/state")
    except ClonedError:
        return None
    return found


def ports(config: Config) -> Iterator[Said | ClonedError]:
    """Every port that will be listened on can be had now, or is held by our own daemon."""
    if _daemon(config) is not None:
        yield ok("held by the daemon that runs")
        return
    wanted = (
        (socket.SOCK_DGRAM, 67, "DHCP"),
        (socket.SOCK_DGRAM, 69, "TFTP"),
        (socket.SOCK_DGRAM, 4011, "proxyDHCP"),
        (socket.SOCK_STREAM, config.network.boot_port, "network.boot_port"),
        (socket.SOCK_STREAM, config.page.port, "page.port"),
    )
    try:
        taken = [found for kind, port, what in wanted if (found := _taken(kind, port, what)) is not None]
    except PermissionError:  # CAP_NET_BIND_SERVICE
        yield skipped("this user may not try the ports below 1024", "use sudo, or the systemd service")
        return
    yield from taken
    if not taken:
        yield ok(", ".join(str(port) for _, port, _ in wanted))


def _taken(kind: socket.SocketKind, port: int, what: str) -> ClonedError | None:
    with socket.socket(socket.AF_INET, kind) as sock:
        if kind is socket.SOCK_STREAM:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind(("", port))
        except PermissionError:
            raise
        except OSError as error:
            hint = Phrase("see what uses it: ss -lnp 'sport = :{port}'", port=port)
            return MissingError(
                Phrase("port {port} ({what}) cannot be used: {strerror}", port=port, what=what, strerror=error),
                hint,
            )
    return None
