"""What the names of interfaces say: vendors name ports, VLANs, LAGs and inner interfaces in many ways."""

from __future__ import annotations

import re

_VIRTUAL = re.compile(
    r"""(?<![a-z]) (
        vlan | vl\d+$ | svi | irb | loopback | lo\d*$ | cpu | (tun|tap)\d | tunnel | null | nul?\d+$
        | br(idge)?[-_]?\d* (?![a-z0-9]) | bond | lag | agg(regat\w*)? | (trunk|trk|ae)\d | port-?\ ?channel | po\d+$
        | team | stack | virtual | dummy | veth | ppp | wlan | (docker|wg|gre|sit|ifb)\d
        | management | mgmt | m-(gigabit)?ethernet | fxp\d+$ | vme$ | me(th)?\d+(/\d+)*$
        | oob | out[-\ ]of[-\ ]band | console | aux | fa(stethernet)?\ ?0$
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_DEVICE = re.compile(
    r"""(vlan(if|-interface)?|vl|svi|irb|(in)?loopback|lo|cpu|tun|tap|tunnel|null|br(idge)?|bond|lag|agg(regat\w*)?
        |trunk|trk|ae|port-?\ ?channel|po|team|stack|virtual|dummy|veth|ppp|wlan|management|mgmt|me(th)?|oob|console|aux
        |docker|wg|gre|sit|ifb|fa(stethernet)?)
        (?P<number>[-\ _.:]*\d+([-/.:]\d+)*)?""",
    re.IGNORECASE | re.VERBOSE,
)
"""The whole of what a system itself calls something that is no socket: a kind and a number."""

_PORT = re.compile(
    r"""^ [a-z]?\d+([/.:-]\d+)*$
        | ^ (port|slot|unit|eth|ether|et|fa|fe|ge|gi|gig|xe|xg|te|tw|twe|fo|hu|sfp|swp) [-+\w]* \ ?\d
        | ethernet.*\d | gigabit | rmon.*port\ *\d""",
    re.IGNORECASE | re.VERBOSE,
)

_STEM = re.compile(r"^(.*?)(\d+)$")

_PROCESSOR = re.compile(r"^eth0$", re.IGNORECASE)
"""The management processor's own card, unless the bridge has it."""


def processor_name(name: str) -> bool:
    """Whether a name is the one the management processor's card bears where it is no bridge port."""
    return _PROCESSOR.search(name) is not None


def stem_and_number(name: str) -> tuple[str, int] | None:
    """`("lan", 3)` of `lan3`; None for a name that does not end in a number."""
    found = _STEM.match(name)
    return (found[1], int(found[2])) if found else None


def virtual_name(name: str) -> bool:
    """Whether a name says VLAN, loopback, LAG, CPU, management and the like."""
    return _VIRTUAL.search(name) is not None


def device_name(name: str, *, bare: bool) -> bool:
    """Whether all of a name is a kind of device that is no socket, with its number: `vlan20`, not `VLAN 20 room`.

    `bare`: without a number too, such as `management`, which somebody may have typed.
    """
    found = _DEVICE.fullmatch(name.strip())
    return found is not None and (bare or found["number"] is not None)


def port_name(name: str) -> bool:
    """Whether a name is one that Ethernet ports have: `1`, `1/0/24`, `gi1/0/3`, `sfp-sfpplus2`."""
    return not virtual_name(name) and _PORT.search(name) is not None
