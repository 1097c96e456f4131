"""What a hook leaves behind is ended with it: real programs that fork twice, without end, or end who watches them."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cloned.inventory.hooks import HookRun, Hooks
from tests.waiting import block_until, until

pytestmark = pytest.mark.wire
SERVICE = 64816
TWICE = "env -i setsid sh -c '(echo here > there; while :; do sleep 600; done) & exit'"
"""A daemon as the books make one (daemon(7)): of another session, nobody's child, with nothing in its environment."""
SILENT = "<&- >&- 2>&-"
WALKS = """#!/bin/sh
[ "$2" = on ] || exec env -i setsid "$0" "$1" on
: > there
"$0" "$1" on &
exit 0
"""
"""Never the same process for long: each begins the next one and ends."""
BREEDS = """#!/bin/sh
[ "$2" = on ] || { env -i setsid "$0" "$1" on & sleep 600; }
: > there
while :; do env -i setsid sleep 600 <&- >&- 2>&- & done
"""


class Place:
    """A folder of hooks whose user may be another than ours, as the service's is for root."""

    def __init__(self, top: Path) -> None:
        self.folder, self.work = top / "hooks.d", top / "work"
        self.folder.mkdir()
        self.work.mkdir()
        for path in (top, self.folder, self.work):
            path.chmod(0o755)
        if os.geteuid() == 0:
            os.chown(self.work, SERVICE, SERVICE)

    def put(self, script: str) -> None:
        path = self.folder / "hook"
        path.write_text(script if script.startswith("#!") else f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    async def fire(self, seconds: float = 60.0) -> HookRun:
        [run] = await Hooks(self.folder, self.work, seconds).fire("done", {})
        return run

    async def fire_until_there(self) -> HookRun:
        """Run it with ever more time, until that was enough for it to come so far."""
        for seconds in (1.0, 2.0, 4.0, 8.0, 16.0, 32.0):
            run = await self.fire(seconds)
            assert self.left() == []
            if self.there:
                return run
        raise AssertionError(f"it never came so far: {run}")

    @property
    def there(self) -> bool:
        return (self.work / "there").exists()

    def left(self) -> list[str]:
        """What runs in our working folder, whatever it calls itself."""
        return [each.name for each in Path("/proc").glob("[0-9]*") if self._runs_here(each)]

    def _runs_here(self, process: Path) -> bool:
        try:
            return (process / "cwd").readlink() == self.work and "Z" not in _state(process)
        except OSError:
            return False


def _state(process: Path) -> str:
    return (process / "stat").read_text().rpartition(")")[2].split()[0]


@pytest.fixture
def place() -> Iterator[Place]:
    with tempfile.TemporaryDirectory(prefix="cloned-test-") as name:
        made = Place(Path(name))
        yield made
        left = made.left()
        for pid in left:
            os.kill(int(pid), signal.SIGKILL)
        assert left == []


async def test_a_daemon_of_its_own_ends_with_the_hook_that_made_it(place: Place) -> None:
    place.put(f"{TWICE} {SILENT}; until [ -e there ]; do sleep 0.01; done; exit 3")
    run = await place.fire()
    assert (run.status, run.trouble) == (3, "it ended with 3")
    assert place.there


async def test_a_daemon_that_keeps_the_output_open_has_the_hooks_time_and_no_more(place: Place) -> None:
    place.put(f"{TWICE}; exit 0")
    run = await place.fire_until_there()
    assert "did not end within" in run.trouble


@pytest.mark.parametrize("script", [WALKS, BREEDS])
async def test_one_that_forks_without_end_is_ended(place: Place, script: str) -> None:
    place.put(script)
    run = await place.fire_until_there()
    assert run.status is None


async def test_what_is_written_after_the_hook_itself_has_ended_is_heard(place: Place) -> None:
    place.put("(until [ -e over ]; do sleep 0.01; done; echo later) & (sleep 0.2; touch over) >&- 2>&- & exit 0")
    run = await place.fire()
    assert (run.status, run.output) == (0, "later")


async def test_a_hook_that_closes_its_output_early_has_its_time(place: Place) -> None:
    place.put("exec >&- 2>&-; sleep 0.3; echo here > there; exit 4")
    run = await place.fire()
    assert run.status == 4
    assert place.there


async def test_a_hook_that_a_signal_ended_is_told_as_shells_tell_it(place: Place) -> None:
    place.put("kill -KILL $$")
    assert (await place.fire()).trouble == "it ended with 137"


async def test_a_hook_that_ends_who_watches_it_is_ended_too(place: Place) -> None:
    place.put("setsid sleep 600 & echo here > there; kill -KILL $PPID; sleep 600")
    assert (await place.fire_until_there()).trouble


@pytest.mark.parametrize("limit", [1, 0])
async def test_a_hook_that_is_given_up_is_ended(place: Place, limit: int) -> None:
    place.put(f"{TWICE}; sleep 600")
    running = asyncio.create_task(place.fire())
    if limit:
        await until(lambda: place.there)
    else:
        await until(lambda: place.left())
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert place.left() == []


async def test_a_hook_that_is_given_up_while_it_is_started_is_ended(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It runs, and has forked, before asyncio has told us so."""
    start, held = asyncio.create_subprocess_exec, asyncio.Event()

    async def slowly(*args: Any, **more: Any) -> Any:
        process = await start(*args, **more)
        await held.wait()
        return process

    monkeypatch.setattr(asyncio, "create_subprocess_exec", slowly)
    place.put(f"{TWICE}; sleep 600")
    running = asyncio.create_task(place.fire())
    await until(lambda: place.there)
    running.cancel()
    await asyncio.sleep(0)
    held.set()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert place.left() == []


def test_hooks_end_where_the_daemon_is_killed(place: Place) -> None:
    place.put(f"{TWICE} {SILENT}; sleep 600")
    daemon = (
        "import asyncio; from pathlib import Path; from cloned.inventory.hooks import Hooks;"
        f"asyncio.run(Hooks(Path({str(place.folder)!r}), Path({str(place.work)!r}), 600.0).fire('done', {{}}))"
    )
    process = subprocess.Popen([sys.executable, "-c", daemon])
    try:
        block_until(lambda: place.there)
    finally:
        process.kill()
        process.wait()
    block_until(lambda: not place.left(), "the end of the hook")
