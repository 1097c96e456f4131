"""What came of a run: as JSON, on whose shape others rely, and as a table. Pure but for rich."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import NotRequired, TypedDict

from rich.table import Table

from cloned.core.row_types import Row
from cloned.core.shown_data import (
    ErasedDiskData,
    ErasureData,
    HistoryData,
    LaptopData,
    MediumData,
    SessionData,
    TrialData,
    WorkshopData,
)
from cloned.lab.checks import Check
from cloned.lab.estimate_check import EstimatesRight
from cloned.lab.laptops import LabIdentity
from cloned.lab.watching import LaptopSeen, sights

_WIDE = 100
STAGES = ("boot", "wait", "receive", "verify", "finish")


class ReportedErasure(TypedDict):
    """What became of a laptop's disks."""

    result: str
    level: str
    disks: list[ErasedDiskData]


class ReportedLaptop(TypedDict):
    """One laptop of a run; seconds by stage."""

    id: int
    mac: str
    port: str
    firmware: str
    state: str
    image: str | None
    image_hash: str | None
    verdict: str
    attempts: int
    history: list[HistoryData]
    seconds: dict[str, float]
    differs: list[dict[str, object]]
    disks: list[MediumData]
    erasure: ReportedErasure | None
    tests: list[TrialData]
    grade: str
    to_hello: NotRequired[float | None]
    """Seconds from power-on to the agent's hello."""


class ReportedSession(TypedDict):
    """One session of a run."""

    id: str
    image: str
    bytes: int
    seconds: float
    mbit_s: float
    laptops: list[int]


class ReportedFault(TypedDict):
    """A fault, and what it did."""

    fault: str
    did: str


class LabReport(TypedDict):
    """The file that `--json` writes."""

    ok: bool
    laptops: list[ReportedLaptop]
    sessions: list[ReportedSession]
    ledger: list[Row]
    faults: list[ReportedFault]
    checks: list[dict[str, object]]
    problems: list[str]
    estimate: EstimatesRight | dict[str, float]


@dataclass
class LaptopResult:
    """A run that is over."""

    identities: Sequence[LabIdentity]
    snapshot: WorkshopData
    ledger: Sequence[Row] = ()
    checks: Sequence[Check] = ()
    faults: Mapping[str, str] = field(default_factory=dict)
    """What each fault did."""
    problems: Sequence[str] = ()
    """Why the run failed as a whole, in words."""
    to_hello: Mapping[int, float] = field(default_factory=dict)
    """Seconds from power-on to the agent's hello, by laptop's number."""
    estimate: EstimatesRight | None = None
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

    def to_json(self) -> LabReport:
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
            "estimate": self.estimate or {},
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


def _laptop(identity: LabIdentity, sight: LaptopSeen) -> ReportedLaptop:
    """One laptop; what the daemon never heard of is gone."""
    data = sight.data or LaptopData()
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
        "history": [{"at": each["at"], "state": each["state"], "why": each["why"]} for each in data.get("history", ())],
        "seconds": {stage: seconds.get(stage, 0.0) for stage in STAGES},
        "differs": data.get("first_differs") or data.get("differs") or [],
        "disks": [
            {"path": each["path"], "bus": each["bus"], "serial": each["serial"], "size": each["size"]}
            for each in data.get("media") or ()
        ],
        "erasure": _erasure(data.get("erasure")),
        "tests": [
            {"name": each["name"], "result": each["result"], "why": each["why"]} for each in data.get("tests") or ()
        ],
        "grade": data.get("grade") or "",
    }


def _erasure(told: ErasureData | None) -> ReportedErasure | None:
    """What became of its disks; None where nothing was erased."""
    if told is None:
        return None
    disks: list[ErasedDiskData] = [
        {
            "serial": disk["serial"],
            "method": disk["method"],
            "level": disk["level"],
            "completed": disk["completed"],
            "verified": disk["verified"],
            "seconds": disk["seconds"],
            "said": disk["said"],
        }
        for disk in told["disks"]
    ]
    return {"result": told["result"], "level": told["level"], "disks": disks}


def _session(session: SessionData, numbers: Mapping[str, int]) -> ReportedSession:
    return {
        "id": session["id"],
        "image": session["image"],
        "bytes": session["bytes"],
        "seconds": session["seconds"],
        "mbit_s": session["mbit_s"],
        "laptops": sorted(numbers[laptop] for laptop in session["laptops"] if laptop in numbers),
    }
