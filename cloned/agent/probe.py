"""Listens on the laptop for the multicast probe: does the stream's kind of packet arrive here?

The group is joined on every interface that has an address, as the stream's receiver does; the
report to the daemon carries `result()`.
"""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections import deque

from cloned.stream.probe import GROUP, PORT, Heard, Probe, decode, judged

WINDOW_SECONDS = 5.0
"""Seconds that a result covers."""


class ProbeListener:
    """Counts probes in a thread from `start` to `close`."""

    def __init__(
        self,
        address: str = "0.0.0.0",  # noqa: S104
        group: str = GROUP,
        port: int = PORT,
        window: float = WINDOW_SECONDS,
    ) -> None:
        self._address, self._group, self._port, self._window = address, group, port, window
        self._seen: deque[tuple[float, Probe]] = deque(maxlen=4096)
        self._ended = threading.Event()
        self._began = time.monotonic()
        self._socket: socket.socket | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Join the group and listen; OSError if the network can't."""
        found = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            found.bind((self._group, self._port))
            member = struct.pack("4s4s", socket.inet_aton(self._group), socket.inet_aton(self._address))
            found.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
            found.settimeout(0.3)
        except OSError:
            found.close()
            raise
        self._socket, self._began = found, time.monotonic()
        self._thread = threading.Thread(target=self._listen, name="probe", daemon=True)
        self._thread.start()

    def result(self) -> Heard:
        """What was heard in the last window, of the newest run only."""
        now = time.monotonic()
        since = max(self._began, now - self._window)
        recent = [(at, probe) for at, probe in list(self._seen) if at >= since]
        run = recent[-1][1].run if recent else None
        return judged([(at, probe.number) for at, probe in recent if probe.run == run], since, now)

    def close(self) -> None:
        """Leave the group."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join(timeout=2)
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _listen(self) -> None:
        listening = self._socket
        assert listening is not None
        while not self._ended.is_set():
            try:
                packet = listening.recv(2048)
            except TimeoutError:
                continue
            except OSError:
                return
            probe = decode(packet)
            if probe is not None:
                self._seen.append((time.monotonic(), probe))
