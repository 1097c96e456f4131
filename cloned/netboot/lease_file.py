"""Where leases outlive the daemon: one file of lines of one width, a line for each address, written in place.

So it is never longer than the pool, however many requests come, and a disk without room still takes what is renewed.
Nothing is written with fsync: after a power cut the ARP check decides.
"""

from __future__ import annotations

import json
import logging
import math
import os
import re
import time
from collections.abc import Mapping
from ipaddress import IPv4Address
from operator import itemgetter
from pathlib import Path

from cloned.json_data import JsonObject, as_float
from cloned.netboot.leases import Lease
from cloned.saying import Phrase

log = logging.getLogger(__name__)

_MAC = re.compile(r"([0-9a-f]{2}(:[0-9a-f]{2}){5})?")
_WIDTH = 128
_AGAIN_SECONDS = 1.0
_MOST_LINES = 256
"""In one write."""


class LeaseFile:
    """Leases as lines of JSON. A disk that takes nothing costs nobody an address: see `problem`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.problem = ""
        """Why leases cannot be saved, while they cannot."""
        self._file: int | None = None
        self._lines: dict[str, int] = {}
        """Address → its line."""
        self._unsaved: dict[str, Lease] = {}
        self._next_try = 0.0

    def load(self) -> list[Lease]:
        """What the file holds, the newest of an address; what is damaged is passed over. Rewrites it line by line."""
        newest: dict[str, Lease] = {}
        try:
            text = self._path.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            text = ""
        except OSError as error:
            self._failed(error)
            return []
        for line in text.splitlines():
            try:
                lease = _lease(json.loads(line.strip("\0 ")))
                newest[lease.address] = lease
            except (ValueError, TypeError, KeyError, RecursionError):
                continue
        self._lines = {address: number for number, address in enumerate(newest)}
        self._unsaved = dict(newest)
        self._rewrite()
        return list(newest.values())

    def save(self, lease: Lease) -> None:
        """To be written by the next `flush`."""
        self._unsaved[lease.address] = lease
        self._lines.setdefault(lease.address, len(self._lines))

    def flush(self) -> None:
        """Write what was saved. Never raises: what cannot be written is tried again by a later one."""
        if not self._unsaved or (self.problem and time.monotonic() < self._next_try):
            return
        if self._file is None:
            self._rewrite()
        else:
            self._write_lines(self._file)

    def close(self) -> None:
        """Write what is left, and close the file."""
        self.flush()
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _rewrite(self) -> None:
        """Make the file anew, from what is to be saved; the old one stays until that has succeeded."""
        fresh = self._path.with_suffix(".new")
        try:
            file = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o640)
        except OSError as error:
            self._failed(error)
            return
        kept = dict(self._unsaved)
        if self._write_lines(file):
            try:
                fresh.replace(self._path)
            except OSError as error:
                self._failed(error)
            else:
                self._file = file
                return
        self._unsaved = {**kept, **self._unsaved}
        os.close(file)

    def _write_lines(self, file: int) -> bool:
        """Everything that is to be saved; False if that failed."""
        try:
            for first, leases in _runs(self._unsaved, self._lines):
                text = "".join(map(_line, leases)).encode()
                if os.pwrite(file, text, first * _WIDTH) != len(text):
                    raise OSError("no room for a whole line")
                for lease in leases:
                    del self._unsaved[lease.address]
        except OSError as error:
            self._failed(error)
            return False
        self.problem = ""
        return True

    def _failed(self, error: OSError) -> None:
        if not self.problem:
            log.error("leases cannot be saved in %s: %s", self._path, error)
        self.problem = Phrase("{path}: {error}", path=self._path, error=error)
        self._next_try = time.monotonic() + _AGAIN_SECONDS


def _runs(leases: Mapping[str, Lease], lines: Mapping[str, int]) -> list[tuple[int, list[Lease]]]:
    """Leases whose lines follow each other together, with the number of the first: each is one write."""
    found: list[tuple[int, list[Lease]]] = []
    for number, lease in sorted(((lines[each], lease) for each, lease in leases.items()), key=itemgetter(0)):
        first, run = found[-1] if found else (0, [])
        if run and first + len(run) == number and len(run) < _MOST_LINES:
            run.append(lease)
        else:
            found.append((number, [lease]))
    return found


def _line(lease: Lease) -> str:
    """One line of JSON. Addresses and MACs are of our own making, and need no quoting."""
    bound = "true" if lease.bound else "false"
    row = f'{{"address": "{lease.address}", "mac": "{lease.mac}", "until": {lease.until!r}, "bound": {bound}}}'
    return row.ljust(_WIDTH - 1) + "\n"


def _lease(data: JsonObject) -> Lease:
    """A lease as it was saved; ValueError, TypeError or KeyError if it is none."""
    until, mac, bound = as_float(data["until"]), data["mac"], data["bound"]
    if not (isinstance(mac, str) and _MAC.fullmatch(mac) and isinstance(bound, bool)):
        raise ValueError(data)
    if not (math.isfinite(until) and abs(until) < 1e12):
        raise ValueError(data)
    return Lease(str(IPv4Address(str(data["address"]))), mac, until, bound)
