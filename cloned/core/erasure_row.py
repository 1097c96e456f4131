"""What an erasure leaves in the ledger, and what is said of one before and after. Pure."""

from __future__ import annotations

from cloned.core.answer_data import ExplainedDisk
from cloned.core.attempts import ATTEMPTS
from cloned.core.erasure import Erasure, disk_shown, taken_out
from cloned.core.laptop import Laptop, State
from cloned.core.ledger import identified, iso
from cloned.core.row_types import ErasedDiskRow, Row
from cloned.disk.erase import LEVELS, EraseLevel, choose, offers
from cloned.disk.erase_record import FAULTS, DiskErasure, ErasureFault
from cloned.disk.media import Medium
from cloned.json_data import as_number, as_object
from cloned.saying import Phrase, chained, parts


def explained(laptop: Laptop, level: EraseLevel) -> list[ExplainedDisk]:
    """For each disk: which technique, which level, why, and what it could not have."""
    return [_explained(medium, level) for medium in laptop.media]


def _explained(medium: Medium, level: EraseLevel) -> ExplainedDisk:
    choice = choose(medium, level)
    rating = LEVELS[choice.technique] if choice.technique else None
    return {
        "path": medium.path,
        "model": medium.model,
        "serial": medium.serial,
        "size": medium.size,
        "bus": medium.bus,
        "built_in": medium.built_in,
        "method": str(choice.technique) if choice.technique else None,
        "level": str(choice.level) if choice.level else None,
        "technique": rating.words if rating else "",
        "source": rating.source if rating else "",
        "why": choice.why,
        "next_step": choice.next_step,
        "minutes": max(1, round(choice.seconds / 60)) if choice.technique else None,
        "asked": medium.asked,
        "offers": [
            {
                "method": str(each.technique),
                "level": str(each.level),
                "possible": each.possible,
                "why": each.why,
                "told": parts(each.why),
            }
            for each in (offers(medium) if medium.built_in else ())
        ],
        "told": {"why": parts(choice.why), "next_step": parts(choice.next_step)},
    }


def row(laptop: Laptop, erasure: Erasure) -> dict[str, object]:
    """What an erasure leaves in the ledger; keyed apart from clones."""
    return {
        "kind": "erasure",
        **identified(laptop),
        "attempt": ATTEMPTS + erasure.number,
        "at": iso(erasure.ended),
        "state": "erased" if erasure.erased else "aside",
        "verdict": "none",
        "image": "",
        "why": "" if erasure.erased else erasure.failures(),
        "seconds": {"erase": round(max(0.0, erasure.ended - erasure.at), 1)},
        "erasure": {
            "id": erasure.id,
            "level": str(erasure.level),
            "result": erasure.result,
            "donation": laptop.donation,
            "locks": list(laptop.facts.hardware.locks),
            "then": "clone" if laptop.state is State.WAITING else "",
            "disks": [
                {
                    **disk_shown(disk),
                    "started": _iso(disk.started),
                    "ended": _iso(disk.ended),
                    "told": {**disk.spoken(), "notes": [parts(each) for each in disk.remarks]},
                    "taken_out": _gone(erasure, disk),
                }
                for disk in erasure.disks
            ],
        },
    }


def _gone(erasure: Erasure, disk: DiskErasure) -> dict[str, object] | None:
    told = taken_out(erasure, disk)
    return None if told is None else {**told, "at": _iso(as_number(told["at"]))}


def failures(row: Row) -> str:
    """Which disks of a ledger's row are not erased and why; rows of before 0.3 have it in English only."""
    failed = [disk for disk in row["erasure"]["disks"] if disk.get("fault") and "told" in disk]
    said = [
        Phrase("{disk}: {why}", disk=f"{disk['model']} {disk['serial']}".strip() or disk["path"], why=why_failed(disk))
        for disk in failed
    ]
    return chained(said) or str(row.get("why", ""))


def why_failed(disk: ErasedDiskRow) -> str:
    """What went wrong with a disk of a ledger's row, as a sentence in any language."""
    detail = Phrase.read(as_object(disk.get("told", disk)).get("detail", ""))
    return Phrase(FAULTS[ErasureFault(fault)][0], detail=detail) if (fault := disk.get("fault")) else str(disk["said"])


def _iso(at: float) -> str:
    return iso(at) if at else ""
