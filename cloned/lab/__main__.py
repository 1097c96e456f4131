"""The lab's first process: `python -m cloned.lab OPTIONS DESCRIPTOR`, started by contain.py and by nobody else."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
import sys
from contextlib import AsyncExitStack, suppress
from pathlib import Path

from cloned.errors import ClonedError, Exit
from cloned.lab import contain, kernel, registry, verify, workshop
from cloned.lab.contain import ContainedOutcome, Report
from cloned.lab.display import Display
from cloned.lab.follow import Follower
from cloned.lab.options import LabOptions
from cloned.lab.report import LaptopResult
from cloned.lab.stock import cache_root, tidy
from cloned.lab.workshop import LabWorkshop

INTERRUPTED = 130


class Lab:
    """One lab, in its own process."""

    def __init__(self, options: LabOptions, report: Report) -> None:
        self._options = options
        self._report = report
        self._display = Display(to_stderr=options.json == "-")
        self._entry = _enter()

    def run(self) -> int:
        """Run to the end; returns the exit status. Nothing of the lab is left when this returns."""
        loop = asyncio.new_event_loop()  # not closed: that would wait for a thread that builds something
        try:
            return loop.run_until_complete(self._until_told())
        except ClonedError as error:
            print(f"cloned: {error}", file=sys.stderr)
            return error.exit
        finally:
            self._leave_nothing()

    def _leave_nothing(self) -> None:
        """The last programs, half-built things, and our own files."""
        with suppress(ProcessLookupError):
            os.kill(-1, signal.SIGKILL)  # everybody in this pid namespace but us
        tidy(cache_root())
        registry.remove(self._entry)

    async def _until_told(self) -> int:
        task = asyncio.ensure_future(self._work())
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, task.cancel)
        try:
            return await task
        except asyncio.CancelledError:
            print("the lab was stopped", file=sys.stderr)
            return INTERRUPTED

    async def _work(self) -> int:
        async with AsyncExitStack() as stack:
            self._display.say(f"lab {self._entry.run}")
            workshop.check_machine(self._options)
            shop = await workshop.build(self._options, self._entry, self._display, stack)
            self._display.say(f"the page is at {shop.page} (PIN {shop.pin})")
            if self._options.action == "up":
                return await self._stay_up(shop)
            result = await self._session(shop)
            self._publish(result)
            code = Exit.OK if result.ok else Exit.FAILED
            if self._options.keep:
                await self._label(shop)
                await self._stay(shop, code)
            return code

    async def _session(self, shop: LabWorkshop) -> LaptopResult:
        """Power on, follow, and look at what came of it."""
        follower = Follower(shop)
        with self._display:
            await follower.to_the_end()
            seen = follower.sights
            await verify.switched_off(shop, seen)
            rows, checks = await verify.results(shop, seen)
            checks += await verify.own_eyes(shop, seen)
        problems = [*follower.problems, *shop.injector.missing()]
        happened = shop.injector.done
        said = follower.estimates.to_json()
        return LaptopResult(
            identities=shop.identities,
            snapshot=follower.snapshot,
            ledger=rows,
            checks=checks,
            faults=happened,
            problems=problems,
            to_hello=follower.to_hello,
            estimate=said,
            erase=self._options.erase,
            erasers=self._options.erasers,
        )

    def _publish(self, result: LaptopResult) -> None:
        """The table for people; the file for programs."""
        console = self._display.console
        console.print(result.table(console.width))
        for check in result.checks:
            detail = f": {check.detail}" if check.detail else ""
            console.print(f"{'yes' if check.ok else 'NO '}  {check.what}{detail}", markup=False)
        for did in result.faults.values():
            console.print(f"fault: {did}", markup=False)
        for problem in result.problems:
            console.print(f"PROBLEM: {problem}", markup=False)
        console.print("all verified" if result.ok else "NOT all verified")
        text = json.dumps(result.to_json(), indent=1) + "\n"
        if self._options.json == "-":
            sys.stdout.write(text)
            sys.stdout.flush()
        elif self._options.json:
            Path(self._options.json).write_text(text)

    async def _stay_up(self, shop: LabWorkshop) -> int:
        """`lab up`: laptops are powered on, and all of it goes on until `lab down`."""
        follower = Follower(shop)
        await self._stay(shop, Exit.OK, follower)
        return Exit.OK

    async def _label(self, shop: LabWorkshop) -> None:
        """The sticker of the first laptop that has a number, as a volunteer prints it, beside the lab's disks."""
        numbered = [each["id"] for each in (await shop.daemon.state())["laptops"] if each["tag"]]
        if numbered:
            paper = Path(self._entry.scratch) / "label.pdf"
            paper.write_bytes(await shop.daemon.paper(f"/laptops/{numbered[0]}/label.pdf"))
            self._display.say(f"a label: {paper}")

    async def _stay(self, shop: LabWorkshop, code: int, follower: Follower | None = None) -> None:
        """Let the user's process end, and go on."""
        registry.keep(self._entry)
        self._display.say(f"it goes on: the page is at {shop.page}, `cloned laptops --config {shop.config}` asks it")
        self._display.say("`cloned lab down` ends it")
        contain.stay(self._entry.folder / "lab.log")
        self._report.send(ContainedOutcome(code, kept=True))
        if follower is not None:
            await follower.forever()
        await asyncio.Event().wait()


def _enter() -> registry.RegisteredLab:
    """Write this lab down."""
    pid = contain.settle()
    taken = {entry.run for entry in registry.entries()}
    run = next(name for name in iter(lambda: f"cl{secrets.token_hex(2)}", "") if name not in taken)
    started = kernel.start_time(os.getpid())
    scratch = cache_root() / "lab" / run
    entry = registry.RegisteredLab(run, pid, started or 0, str(scratch))
    registry.enter(entry)
    (scratch / "tmp").mkdir(parents=True)
    os.environ["TMPDIR"] = str(scratch / "tmp")
    return entry


def main() -> None:
    """Run the lab that the arguments describe."""
    options = LabOptions.from_json(json.loads(sys.argv[1]))
    report = Report(int(sys.argv[2]))
    code = Lab(options, report).run()
    report.send(ContainedOutcome(int(code)))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # threads that still build something must not hold us up


if __name__ == "__main__":
    main()
