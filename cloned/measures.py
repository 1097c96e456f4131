"""Gathers what /metrics tells beside the snapshot: the rooms' own counters, images, disk space, clock, certificate."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cloned.images.scrub import Proof
from cloned.status.needs import Buckets, FamilyFigures
from cloned.tally import FAULTS, Tally
from cloned.wallclock import synchronised

CLASSES = ("pieces", "unicast", "classic")
LOOK_AGAIN_SECONDS = 10.0
"""Seconds that free space, clock and certificate are believed: a scrape asks the disk no more often."""


@dataclass(kw_only=True)
class Gathered:
    """What the parts of the daemon give; `app.py` hands it in."""

    tally: Tally
    sent: Callable[[], Mapping[str, tuple[int, int]]]
    """Class → bytes sent, and of those repaired."""
    received: Callable[[], Mapping[str, int]]
    requests: Callable[[], Mapping[str, Mapping[tuple[str, str], float]]]
    images: Callable[[], Mapping[str, tuple[bool, Proof | None]]]
    """Name → whether it can be sent, and its last proof."""
    state: Path
    certificate: Callable[[], Path | None]
    checked: Callable[[], tuple[float, Mapping[str, int]] | None]
    """When the daily check ended (seconds since 1970) and how many findings it had of each state."""

    _slow: tuple[float, dict[str, FamilyFigures]] = (float("-inf"), {})

    def figures(self) -> dict[str, FamilyFigures]:
        """Name of a family → its figures."""
        found = {**self._events(), **self._bytes(), **self._images(), **self._check(), **self._around()}
        for name, counts in self.requests().items():
            found[f"cloned_{name}"] = counts
        return found

    def _events(self) -> dict[str, FamilyFigures]:
        tally = self.tally
        nought = dict.fromkeys(("verified", "differs", "unreadable", "none"), 0)
        return {
            "cloned_step_seconds": {step: Buckets(each.buckets(), each.total) for step, each in tally.steps.items()},
            "cloned_verdicts": nought | tally.verdicts,
            "cloned_faults": dict.fromkeys(FAULTS, 0) | tally.faults,
            "cloned_retries": {"round": 0, "command": 0} | tally.retries,
            "cloned_ejections": {"stream": 0, "standstill": 0} | tally.ejections,
            "cloned_erasures": tally.erasures,
            "cloned_erasure_seconds": tally.erasure_seconds,
        }

    def _bytes(self) -> dict[str, FamilyFigures]:
        sent = dict.fromkeys(CLASSES, (0, 0)) | dict(self.sent())
        return {
            "cloned_sent_bytes": {kind: both[0] for kind, both in sent.items()},
            "cloned_repaired_bytes": {kind: both[1] for kind, both in sent.items()},
            "cloned_received_bytes": dict.fromkeys(CLASSES, 0) | dict(self.received()),
        }

    def _images(self) -> dict[str, FamilyFigures]:
        now, images = time.time(), self.images()
        ages = {name: max(0.0, now - proof.at) for name, (_, proof) in images.items() if proof is not None}
        return {
            "cloned_image_healthy": {
                name: int(usable and not (proof and (proof.damaged or proof.why)))
                for name, (usable, proof) in images.items()
            },
            "cloned_image_proof_age_seconds": ages,
        }

    def _check(self) -> dict[str, FamilyFigures]:
        checked = self.checked()
        if checked is None:
            return {}
        nought = dict.fromkeys(("ok", "warning", "wrong", "skipped"), 0)
        return {
            "cloned_check_findings": nought | Counter(checked[1]),
            "cloned_check_age_seconds": {(): max(0.0, time.time() - checked[0])},
        }

    def _around(self) -> dict[str, FamilyFigures]:
        """What asks the disk or the kernel, seldom."""
        if time.monotonic() - self._slow[0] > LOOK_AGAIN_SECONDS:
            self._slow = time.monotonic(), self._looked()
        return self._slow[1]

    def _looked(self) -> dict[str, FamilyFigures]:
        images = self.state / "images"
        places = {"state": self.state, "images": images if images.is_dir() else self.state}
        certificate = self.certificate()
        end = page_end(certificate) if certificate is not None else None
        return {
            "cloned_free_bytes": {name: shutil.disk_usage(path).free for name, path in places.items()},
            "cloned_clock_synchronised": {(): int(synchronised())},
            "cloned_certificate_end_timestamp_seconds": {} if end is None else {"page": end},
        }


def page_end(certificate: Path) -> float | None:
    """When the certificate in a PEM file ends, seconds since 1970; None where it cannot be read."""
    from cryptography import x509  # only where there is a certificate

    try:
        return x509.load_pem_x509_certificate(certificate.read_bytes()).not_valid_after_utc.timestamp()
    except (OSError, ValueError):
        return None
