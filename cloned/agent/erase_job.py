"""One order `erase`: every disk that it names, side by side, each from where its record stands."""

from __future__ import annotations

import threading
from typing import TypedDict

from cloned.agent import erase_ask
from cloned.agent.client import DaemonClient, DaemonRefused, Revoked
from cloned.agent.erase_driver import carry_out
from cloned.agent.erase_hands import RealHands, found_again, thaw
from cloned.agent.job import Job
from cloned.agent.verify import Stopped
from cloned.disk.erase import LEVELS, Technique
from cloned.disk.erase_record import DiskErasure, ErasePhase
from cloned.disk.media import FactsError

_PHASES = {
    ErasePhase.PLANNED: "looking at what is on it",
    ErasePhase.REMEMBERED: "beginning",
    ErasePhase.STARTED: "erasing",
    ErasePhase.COMPLETED: "reading back",
}


class ErasureLine(TypedDict):
    """How far a disk is; `done` from 0 to 1."""

    disk: str
    name: str
    technique: str
    phase: str
    done: float
    words: str


class EraseJob(Job):
    """Carries out one order; `run` returns when every disk is through, well or not."""

    def run(self) -> None:
        """Erase; raises Stopped where the order was taken back."""
        self._id = str(self._order["erasure"])
        self._lines: dict[str, ErasureLine] = {}
        self._failure: BaseException | None = None
        self._stopped = False
        self._status.set("erasing", session=None, said="", disks=[])
        records = self._records()
        self._tell_of_others(records)
        self._alone = len(records) == 1
        if not self._alone and any(map(frozen, records)):
            thaw(self._options.live)  # before any disk is at work: one in the middle of its erase would lose its power
        threads = [
            threading.Thread(target=self._disk_thread, args=(record,), name=f"erase {record.medium.path}", daemon=True)
            for record in records
            if not record.over
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if self._failure is not None:
            raise self._failure

    def _records(self) -> list[DiskErasure]:
        try:
            records = [DiskErasure.from_json(each) for each in self._order["disks"]]
            return [found_again(each, self._options.only_disk, self._told) for each in records]
        except (FactsError, KeyError, TypeError) as error:
            print(f"agent: this order to erase is not understood, so nothing is touched: {error}", flush=True)
            raise Stopped from error

    def _tell_of_others(self, records: list[DiskErasure]) -> None:
        """A built-in disk that nobody named, as it was not there then: with it the laptop is not erased."""
        found = erase_ask.unnamed([each.medium for each in records], self._options.only_disk, self._told)
        if found:
            body = {"media": [medium.to_json() for medium in found]}
            self._client.call("POST", "/agent/v1/media", body, give_up=self._withdrawn)

    def _disk_thread(self, record: DiskErasure) -> None:
        """One disk, with a connection of its own: the others do not wait for it."""
        client = DaemonClient(self._options)
        hands = RealHands(
            self._options.only_disk, self._told, self._options.live, self._withdrawn, self._progress, alone=self._alone
        )  # fmt: skip
        try:
            carry_out(record, hands, lambda now: self._save(client, now))
        except BaseException as error:
            self._failure = error
        finally:
            client.close()

    def _save(self, client: DaemonClient, record: DiskErasure) -> None:
        """Have the daemon write it down. While it is away an overwrite goes on: that only costs time to do twice."""
        self._progress(record, 1.0 if record.over else 0.0)
        body = {"erasure": self._id, "disk": record.to_json()}
        try:
            if record.phase is ErasePhase.STARTED and record.offset:
                client.once("POST", "/agent/v1/erasing", body)
            else:
                client.call("POST", "/agent/v1/erasing", body, give_up=self._withdrawn)
        except DaemonRefused as refused:
            raise Stopped from refused
        except Revoked:
            self._reporter.revoked = True
            raise Stopped from None
        except (OSError, ValueError) as error:
            client.close()
            print(f"agent: {record.medium.path} goes on without the server: {error}", flush=True)

    def _withdrawn(self) -> bool:
        return self._failure is not None or not self._reporter.wants_erased(self._id)

    def _progress(self, record: DiskErasure, done: float) -> None:
        """For the report and the screen."""
        words = "erased" if record.erased else record.said() or _PHASES.get(record.phase, "")
        self._lines[record.medium.key] = {
            "disk": record.medium.key,
            "name": f"{record.medium.model} {record.medium.serial}".strip() or record.medium.path,
            "technique": LEVELS[record.technique].words if record.technique else "",
            "phase": str(record.phase),
            "done": round(min(1.0, max(0.0, done)), 4),
            "words": words,
        }
        lines = list(self._lines.values())
        self._status.progress({"disks": lines, "said": _screen(lines)})


def frozen(record: DiskErasure) -> bool:
    """Whether a sleep is needed before this disk can be erased."""
    ata = record.medium.ata
    return not record.over and record.technique is Technique.ATA_SECURITY and ata is not None and ata.security_frozen


def _screen(lines: list[ErasureLine]) -> str:
    """One line for each disk."""
    return "\n".join(f"{each['name']}: {each['words']} {each['done']:.0%}" for each in lines)
