"""Many laptops asking for an address at a steady rate: `python -m cloned.lab.dhcpload INTERFACE RATE SECONDS`.

Prints one line of JSON: how many asked, how many were answered, and the milliseconds until their answers were here,
by the kernel's clock: how long this program then waits for a processor is not the server's time.
"""

from __future__ import annotations

import json
import select
import socket
import struct
import sys
import time

from cloned.netboot.packet import BROADCAST_FLAG, BadPacket, MessageType, Option, Packet, decode, encode

_SO_TIMESTAMPNS = 35
"""socket(7): each datagram comes with the time it arrived."""
LAPTOPS = 200
"""Different MACs; each asks again and again."""


def load(interface: str, rate: float, seconds: float) -> dict[str, object]:
    """Send DISCOVERs and time the OFFERs to them."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode() + b"\0")
        sock.bind(("", 68))
        return _exchange(sock, rate, int(rate * seconds))


def _exchange(sock: socket.socket, rate: float, count: int) -> dict[str, object]:
    sent: dict[int, float] = {}
    taken: dict[int, float] = {}
    start = time.monotonic()
    number, end = 0, start + count / rate + 1
    while (now := time.monotonic()) < end and len(taken) < count:
        due = start + number / rate
        if number < count and now >= due:
            question = encode(_discover(number))
            sent[number + 1] = time.time()
            sock.sendto(question, ("255.255.255.255", 67))
            number += 1
            continue
        ready, _, _ = select.select([sock], [], [], max(min(due if number < count else end, end) - now, 0))
        if ready:
            _take(sock, sent, taken)
    times = sorted(1000 * (taken[each] - sent[each]) for each in taken)
    return {"asked": count, "answered": len(taken), "milliseconds": [round(each, 2) for each in times]}


def _take(sock: socket.socket, sent: dict[int, float], taken: dict[int, float]) -> None:
    data, stamps, _, _ = sock.recvmsg(4096, 64)
    seconds, rest = struct.unpack("@qq", stamps[0][2])
    try:
        packet = decode(data)
    except BadPacket:
        return
    if packet.kind is MessageType.OFFER and packet.xid in sent:
        taken.setdefault(packet.xid, seconds + rest / 1e9)


def _discover(number: int) -> Packet:
    laptop = struct.pack("!H", number % LAPTOPS)
    options: dict[int, bytes] = {
        Option.TYPE: bytes((MessageType.DISCOVER,)),
        Option.CLASS: b"PXEClient:Arch:00007:UNDI:003016",
        Option.ARCHITECTURE: b"\0\7",
    }
    return Packet(1, number + 1, f"52:54:00:10:{laptop.hex(':')}", flags=BROADCAST_FLAG, options=options)


if __name__ == "__main__":
    print(json.dumps(load(sys.argv[1], float(sys.argv[2]), float(sys.argv[3]))))
