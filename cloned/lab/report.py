"""What came of a run: as JSON (DESIGN.md, "Interfaces that others rely on") and as a table. Pure but for rich."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from rich.table import Table

from cloned.lab.checks import Check
from cloned.lab.laptops import LabIdentity
from cloned.lab.watching import LaptopSeen, sights

_WIDE = 100
STAGES = ("boot", "wait", "receive", "verify", "finish")


@dataclass
class LaptopResult:
    """A run that is over."""

    identities: Sequence[LabIdentity]
    snapshot: Mapping[str, Any]
    ledger: Sequence[Mapping[str, Any]] = ()
    checks: Sequence[Check] = ()
    faults: Mapping[str, str] = field(default_factory=dict)
    """What each fault did."""
    problems: Sequence[str] = ()
    """Why the run failed as a whole, in words."""
    to_hello: Mapping[int, float] = field(default_factory=dict)
    """Seconds from power-on to the agent's hello, by laptop's number."""
    estimate: Mapping[str, Any] = field(default_factory=dict)
    """How often the daemon's estimates came true."""

    erase: str = ""
    """As `LabOptions.erase`."""
    erasers: frozenset[int] = frozenset()
    """As `LabOptions.erasers`."""

    @staticmethod
    def _cloned(sight: LaptopSeen) -> bool:
        return sight.verified and sight.state == "done"

    @staticmethod
    def _erased(sight: LaptopSeen) -> bool:
        return sight.erased and sight.state == "erased"

    def _both(self, sight: LaptopSeen) -> bool:
        return self._cloned(sight) and sight.erased

    @property
    def sights(self) -> list[LaptopSeen]:
        """The laptops in order."""
        return sights(self.snapshot, [each.mac for each in self.identities])

    @property
    def ok(self) -> bool:
        """Every laptop verified and done, every fault happened, everything the lab looked at was right."""
        ends = self._erased if self.erase.startswith("only") else self._both
        laptops = all((ends if sight.number in self.erasers else self._cloned)(sight) for sight in self.sights)
        return laptops and not self.problems and all(check.ok for check in self.checks)

    def to_json(self) -> dict[str, Any]:
        """The file that `--json` writes."""
        pairs = list(zip(self.identities, self.sights, strict=True))
        numbers = {sight.data["id"]: sight.number for sight in self.sights if sight.data is not None}
        return {
            "ok": self.ok,
            "laptops": [
                {**_laptop(identity, sight), "to_hello": self.to_hello.get(identity.number)}
                for identity, sight in pairs
            ],
            "sessions": [_session(session, numbers) for session in self.snapshot["sessions"]],
            "ledger": list(self.ledger),
            "faults": [{"fault": fault, "did": did} for fault, did in self.faults.items()],
            "checks": [asdict(check) for check in self.checks],
            "problems": list(self.problems),
            "estimate": dict(self.estimate),
        }

    def table(self, width: int = 130) -> Table:
        """For people: every stage's seconds where `width` characters have room for them, else their sum."""
        stages = STAGES if width >= _WIDE else ("seconds",)
        table = Table(box=None, header_style="bold", pad_edge=False)
        for column in ("laptop", "firmware", "port", "verdict", "rounds", *stages, "state"):
            right = column in ("laptop", "rounds", *stages)
            table.add_column(column, justify="right" if right else "left", no_wrap=True)
        for identity, sight in zip(self.identities, self.sights, strict=True):
            row = _laptop(identity, sight)
            spent = [row["seconds"][stage] for stage in STAGES]
            seconds = [f"{each:.1f}" for each in (spent if width >= _WIDE else [sum(spent)])]
            verdict = row["verdict"] if not row["image_hash"] else f"{row['verdict']} {row['image_hash'][:8]}"
            table.add_row(
                str(row["id"]), row["firmware"], row["port"], verdict, str(row["attempts"]), *seconds, row["state"],
            )  # fmt: skip
        return table


def _laptop(identity: LabIdentity, sight: LaptopSeen) -> dict[str, Any]:
    """One laptop; what the daemon never heard of is gone."""
    data = sight.data or {}
    seconds = data.get("seconds") or {}
    return {
        "id": identity.number,
        "mac": identity.mac,
        "port": data.get("port") or f"port{identity.number}",
        "firmware": identity.firmware.value,
        "state": data.get("state", "gone"),
        "image": data.get("image"),
        "image_hash": data.get("image_hash"),
        "verdict": data.get("verdict", "none"),
        "attempts": data.get("attempts", 0),
        "history": [{key: entry[key] for key in ("at", "state", "why")} for entry in data.get("history", ())],
        "seconds": {stage: seconds.get(stage, 0.0) for stage in STAGES},
        "differs": data.get("first_differs") or data.get("differs") or [],
        "disks": [{name: each[name] for name in ("path", "bus", "serial", "size")} for each in data.get("media") or ()],
        "erasure": _erasure(data.get("erasure")),
        "tests": [{name: each[name] for name in ("name", "result", "why")} for each in data.get("tests") or ()],
        "grade": data.get("grade") or "",
    }


def _erasure(told: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """What became of its disks; None where nothing was erased."""
    if told is None:
        return None
    names = ("serial", "method", "level", "completed", "verified", "seconds", "said")
    disks = [{name: disk[name] for name in names} for disk in told["disks"]]
    return {"result": told["result"], "level": told["level"], "disks": disks}


def _session(session: Mapping[str, Any], numbers: Mapping[str, int]) -> dict[str, Any]:
    kept = {key: session[key] for key in ("id", "image", "bytes", "seconds", "mbit_s")}
    members = sorted(numbers[laptop] for laptop in session["laptops"] if laptop in numbers)
    return {**kept, "laptops": members}
