"""What somebody in the workshop should look at, in words with a next step. Pure."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

from cloned.netboot.choices import Choices
from cloned.netboot.dhcp import Mode, Segment
from cloned.netboot.firmware import SHIM
from cloned.netboot.history import History
from cloned.netboot.listener import DhcpServer
from cloned.netlink import NetlinkWatch
from cloned.saying import Phrase

_RECENT_SECONDS = 3600
"""Seconds for which a refused laptop is worth a warning."""


def warning(code: str, text: str, hint: str) -> dict[str, str]:
    """One warning as the page and the snapshot have it."""
    return {"code": code, "text": text, "hint": hint}


def warnings_of(
    listeners: Sequence[DhcpServer], choices: Choices, history: History, missing: Sequence[str] = ()
) -> list[dict[str, str]]:
    """Every warning of this room, the most urgent first; `missing`: files that laptops will ask for in vain."""
    now = time.time()
    found = [each for listener in listeners for each in _of_listener(listener, now)]
    if missing:
        text = Phrase("Laptops can't boot: {missing} not there", missing=", ".join(missing))
        found.insert(0, warning("files-missing", text, "build them: cloned live build"))
    return [*found, *_of_laptops(choices, history, now)]


def lost(place: Segment, kernel: NetlinkWatch) -> Iterable[dict[str, str]]:
    """What became of an interface that laptops are served on."""
    where, link = place.interface, kernel.link(place.interface)
    if link is None:
        yield warning(
            "link-gone", Phrase("{where} is gone", where=where), "plug its adapter in again and restart cloned"
        )
    elif not link.carrier:
        yield warning(
            "link-down",
            Phrase("{where} has no link", where=where),
            "see the cable to the laptops' switch, and the switch",
        )
    elif not kernel.has(where, str(place.address)):
        hint = Phrase(
            "give it back: ip address add {address}/{prefixlen} brd + dev {where}",
            address=place.address,
            prefixlen=place.network.prefixlen,
            where=where,
        )
        yield warning(
            "address-gone",
            Phrase(
                "{where} lost its address {address}: laptops get no answer there", where=where, address=place.address
            ),
            hint,
        )


def _of_listener(listener: DhcpServer, now: float) -> Iterable[dict[str, str]]:
    where, state = listener.place.interface, listener.state
    servers = listener.watch.leasing(now)
    if listener.mode is Mode.LEASE and servers:
        names = ", ".join(map(str, servers))
        yield warning(
            "leasing-stopped",
            Phrase(
                "Another DHCP server, {names}, is on {where}: no more addresses are given out there",
                names=names,
                where=where,
            ),
            "unplug it, or take [[dhcp.lease]] out of the configuration; leasing goes on when it is gone",
        )
    if listener.mode is Mode.AUTO and not servers and not listener.answers.proxy:
        yield warning(
            "no-dhcp",
            Phrase("No DHCP server was seen on {where}, so laptops there get no address", where=where),
            Phrase(
                'connect it to a network that has one, or lease them from here: [[dhcp.lease]] interface = "{where}"',
                where=where,
            ),
        )
    if listener.exhausted:
        yield warning(
            "pool-exhausted",
            Phrase("All addresses for {where} are given out", where=where),
            "enlarge its pool under [[dhcp.lease]]",
        )
    if listener.leases_problem:
        yield warning(
            "leases-not-saved",
            Phrase(
                "Leases of {where} cannot be saved ({leases_problem}); addresses are given out all the same",
                where=where,
                leases_problem=listener.leases_problem,
            ),
            "free space on the server's disk; until then a restart may forget who has which address",
        )
    if state.probe_failed:
        yield warning(
            "no-link",
            Phrase("{where} can't send: {probe_failed}", where=where, probe_failed=state.probe_failed),
            "see the cable and `ip link`",
        )
    yield from _of_servers(listener, now)
    for address, (mac, at) in state.conflicts.items():
        if at + _RECENT_SECONDS < now:
            continue
        yield warning(
            "address-in-use",
            Phrase(
                "{address} on {where} is used by {mac}, to which it was not given",
                address=address,
                where=where,
                mac=mac,
            ),
            "give that machine another address",
        )


def _of_servers(listener: DhcpServer, now: float) -> Iterable[dict[str, str]]:
    """What other servers do that gets in a laptop's way."""
    where, own = listener.place.interface, listener.place.address
    for server in listener.watch.booting(now):
        yield warning(
            "other-pxe",
            Phrase(
                "Another PXE server, {server}, is on {where} and offers {boots}",
                server=server,
                where=where,
                boots=server.boots,
            ),
            "laptops may start from it instead: switch it off, or use a network of its own",
        )
    for server in listener.watch.leasing(now):
        if server.fills_file and listener.mode is not Mode.LEASE:
            yield warning(
                "dhcp-fills-file",
                Phrase(
                    "The DHCP server {server} fills in a boot file itself, which breaks Secure Boot from here",
                    server=server,
                ),
                'take the boot file ("filename", option 67) out of its settings',
            )
        if server.network is not None and own not in server.network and listener.mode is not Mode.LEASE:
            yield warning(
                "other-network",
                Phrase(
                    "The DHCP server {server} gives addresses of {network}; this server is {own} on {where}",
                    server=server,
                    network=server.network,
                    own=own,
                    where=where,
                ),
                Phrase("give {where} an address of that network", where=where),
            )


def _of_laptops(choices: Choices, history: History, now: float) -> Iterable[dict[str, str]]:
    """Laptops that can't boot."""
    for mac, name in choices.stuck():
        what = Phrase("{mac} fetched {name} several times and came no further", mac=mac, name=name)
        secure = Phrase("in its firmware, allow Microsoft's third-party UEFI CA, or switch Secure Boot off")
        yield warning("no-further", what, secure if name == SHIM else "see its screen; its firmware may have an update")
    refused = {
        row["mac"]: row["why"]
        for row in history.log()
        if "not supported" in row["why"] and row["at"] + _RECENT_SECONDS > now
    }
    for mac, why in refused.items():
        yield warning("not-supported", Phrase("{mac} can't be booted: {why}", mac=mac, why=why), "clone it another way")
