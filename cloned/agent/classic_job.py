"""An order `restore` in a classic session: Clonezilla itself restores, then the disk is read back as ever."""

from __future__ import annotations

import time
from pathlib import Path

from cloned.agent import disks, layout, smart
from cloned.agent.clonezilla_root import Clonezilla
from cloned.agent.failures import AgentError
from cloned.agent.restore_job import RestoreJob, failing, fits, opened, wrong_pieces
from cloned.clonezilla.names import partition
from cloned.clonezilla.ocs import OcsOutput
from cloned.disk.layout import Layout, LayoutError
from cloned.disk.lvm_map import check_places, placed
from cloned.disk.manifest import GAP_LAYER, Plan
from cloned.order_types import ClassicOrder
from cloned.stream.rate_meter import RateMeter

RATE_SECONDS = 10.0
"""Over which a rate is told."""


class ClassicJob(RestoreJob):
    """Carries out one order; `run` returns at the verdict `verified`, or raises AgentError or Stopped."""

    def run(self) -> None:
        """Bring the disk to the image."""
        if not self._options.live:
            raise AgentError("needs-classic", "it needs a live system of its own")
        self._status.begin(self._session)
        plan = self._plan()
        disk = self._disk()
        fits(plan, disk, classic=True)
        self._readable(plan)
        self._smart_before = smart.health(disk["path"])
        clonezilla = Clonezilla(self._options, disk["path"])
        clonezilla.prepare(self._fetched, self._withdrawn)
        self._status.progress({"bytes": 0, "total": plan.map.used, "rate": 0})  # what was fetched was not the image
        clonezilla.put_image(str(self._order["image"]), self._withdrawn)
        with failing(disk):
            self._clear(plan, disk)
            self._wait_for_others()
            self._clone(plan, disk, clonezilla)
            self._judge(plan, disk)

    @staticmethod
    def _readable(plan: Plan) -> None:
        """AgentError, before anything is erased, if what Clonezilla restores could not be read back."""
        try:
            check_places(plan)
        except LayoutError as error:
            raise AgentError("needs-classic", str(error)) from error

    def _fetched(self, done: int, total: int) -> None:
        self._status.progress({"bytes": done, "total": total, "held_by": "network"})

    def _clear(self, plan: Plan, disk: disks.DiskFacts) -> None:
        """Old signatures out, the disk discarded; the layout is Clonezilla's to write."""
        self._still_wanted()
        self._check_again(disk)
        cleared = layout.signatures(disk["path"])
        with opened(disk) as device:
            discarded = layout.discard(device, self._withdrawn)
            self._still_wanted()
            layout.clear(device, Layout.parse(plan.layout))
        self._ready(disk, cleared, discarded)

    def _wait_for_others(self) -> None:
        """Until the daemon says that everybody is there."""
        self._status.set("waiting", bytes=0)
        while not self._classic.get("go"):
            self._reporter.next(self._reporter.number, timeout=5)
            self._still_wanted()

    @property
    def _classic(self) -> ClassicOrder:
        return self._reporter.order.get("classic") or ClassicOrder()

    def _clone(self, plan: Plan, disk: disks.DiskFacts, clonezilla: Clonezilla) -> None:
        """Run ocs-sr, and find out whether it did what it should."""
        output, used = OcsOutput(_devices(plan, disk["path"])), plan.map.used
        self._status.set("receiving", round=1, total=used, bytes=0, pieces_left=plan.map.count)
        meter = RateMeter(RATE_SECONDS)
        meter.rate(time.monotonic(), 0)

        def tick() -> None:
            left = plan.map.count * (used - output.bytes) // max(1, used)
            said = output.last[-1] if output.last else ""
            rate = meter.rate(time.monotonic(), output.bytes)
            self._status.progress({"bytes": output.bytes, "rate": rate, "pieces_left": left, "said": said})

        clonezilla.restore(str(self._order["image"]), int(str(self._classic["port"])), output, tick, self._withdrawn)
        self._status.progress({"said": ""})
        if trouble := output.trouble():
            raise AgentError("classic-failed", trouble)

    def _judge(self, plan: Plan, disk: disks.DiskFacts) -> None:
        """Read everything back; what differs is fetched piece by piece."""
        plan = placed(plan)
        restore = self._restore(plan, disk)
        if (gate := self._gate(1)) is not None:
            gate(list(range(plan.map.count)))
        self._status.set("verifying", bytes=0)
        restore.verify(range(plan.map.count), self._progress, self._withdrawn)
        self._still_wanted()
        answer = self._send_read_back(plan, disk, restore, 1)
        if answer["verdict"] != "verified":
            self._repair(plan, disk, answer)
            self._rounds(plan, disk, restore, wrong_pieces(answer), 2)


def _devices(plan: Plan, disk: str) -> dict[str, int]:
    """Used bytes by the name that Clonezilla gives each device."""
    name = Path(disk).name
    sent = [layer for layer in plan.layers if layer.name != GAP_LAYER]
    names = (partition(name, str(layer.number)) if layer.number else layer.name for layer in sent)
    return {f"/dev/{device}": layer.used for device, layer in zip(names, sent, strict=True)}
