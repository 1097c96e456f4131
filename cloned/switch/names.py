"""What the names of interfaces say: vendors name ports, VLANs, LAGs and inner interfaces in many ways."""

from __future__ import annotations

import re

_VIRTUAL = re.compile(
    r"""(?<![a-z]) (
        vlan | svi | irb | loopback | lo\d*$ | cpu | (tun|tap)\d | tunnel | null | nul?\d+$
        | br(idge)?[-_]?\d* (?![a-z0-9]) | bond | lag | agg(regat\w*)? | trunk\d | port-?\ ?channel | po\d+$
        | team | stack | virtual | dummy | veth | ppp | wlan
        | management | mgmt | me\d+$ | oob | out[-\ ]of[-\ ]band | console | aux | eth0$ | fa(stethernet)?\ ?0$
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_PORT = re.compile(
    r"""^ (port|slot|unit)?[-\ ]?\d+([/.:-]\d+)*$
        | ^ ((ten|forty|hundred|two)?(gig\w*|five|2\.5g\w*)?)?ethernet
        | ^ (eth|ether|fe|ge|gi|xe|xg|te|tw|fo|hu|sfp|swp|port|slot)[-\w]*[\ ]?\d
        | rmon.*port\ *\d+ | gigabit | (fast|ten)[-\ ]?(ethernet|gig)""",
    re.IGNORECASE | re.VERBOSE,
)


def virtual_name(name: str) -> bool:
    """Whether a name says VLAN, loopback, LAG, CPU, management and the like."""
    return _VIRTUAL.search(name) is not None


def port_name(name: str) -> bool:
    """Whether a name is one that Ethernet ports have: `1`, `1/0/24`, `gi1/0/3`, `sfp-sfpplus2`."""
    return not virtual_name(name) and _PORT.search(name) is not None
