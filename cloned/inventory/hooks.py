"""Hooks: executables that the workshop's people put into a folder, run when something happened.

Each file of `[hooks] folder` is run for every event, with the event's name as its argument and JSON on standard input.
No shell is between. It runs as the service's user, also where root tries it, without its capabilities, in its
sandbox, for at most `[hooks] seconds`, two at once, and of each hook one event after the other; what it started ends
with it, wherever that went. What it writes to standard output and error goes into the log. For `asking` it may answer
with JSON: `{"tag": "DM-0412", "label": "school"}`. One that hangs, fails or floods stops nobody, and no other hook.

A hook may write to its working folder, `hooks` in the state directory (in the sandbox nothing else is writable but
/tmp, which is private). Events that came while the daemon was away are not made up for.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import secrets
import signal
import stat
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cloned.json_data import JsonObject, as_object
from cloned.ownership import closed_to, make_folder, works_in
from cloned.processes import end_hook, hook_process, output_over
from cloned.quoting import quoted
from cloned.saying import Phrase

log = logging.getLogger(__name__)

EVENTS = ("asking", "done", "failed", "erased", "session-over", "image-ready", "evening-over")
AT_ONCE = 2
KEPT_BYTES = 16 << 10
"""Bytes of what it writes that are looked at."""
FLOOD = 4 << 20
"""A hook that writes more than so many bytes is ended."""
LARGEST_FILE_BYTES = 100 << 20
"""Bytes of a file that it may write."""
LOGGED = 20
"""Lines of what it writes that come into the log."""


@dataclass(frozen=True)
class HookFile:
    """One file of the folder."""

    path: Path
    refused: str = ""
    """Why it is not run; empty if it is."""


@dataclass(frozen=True)
class HookRun:
    """What came of running one."""

    name: str
    status: int | None
    """Its exit status; None where it was ended."""
    output: str
    trouble: str = ""
    """What went wrong with it; empty if nothing did."""
    answer: Mapping[str, str] | None = None
    """`tag` and `label`, as far as it said them; only to `asking`."""


Ended = Callable[[HookRun], Awaitable[None]]
"""What is done with what one hook said, while others still run."""


def found(folder: Path, user: tuple[int, int]) -> list[HookFile]:
    """Every file of the folder that is meant as a hook of this user and group, by name. Hidden files and backups of
    editors are none."""
    try:
        paths = sorted(path for path in folder.iterdir() if path.name[0] not in ".#" and path.name[-1] != "~")
    except OSError:
        return []
    return [HookFile(path, _against(path, user)) for path in paths if not path.is_dir()]


def _against(path: Path, user: tuple[int, int]) -> str:
    """Why a file is not run: whoever can write it could have anything done."""
    for place, what in ((path, Phrase("it")), (path.parent, Phrase("its folder"))):
        try:
            seen = place.stat()
        except OSError as error:
            return Phrase("{what} cannot be read: {strerror}", what=what, strerror=error)
        if seen.st_mode & stat.S_IWOTH and not (place is path.parent and seen.st_mode & stat.S_ISVTX):
            return Phrase("{what} can be written by all: chmod o-w {place}", what=what, place=place)
        if seen.st_uid not in (0, user[0]):
            return Phrase("{what} belongs to somebody else: chown root {place}", what=what, place=place)
        if place is path and seen.st_mode & stat.S_IWGRP and seen.st_gid not in (0, user[1]):
            return Phrase("it can be written by a group: chmod g-w {place}", place=place)
    closed = closed_to(user, [path], "execute")
    return Phrase("it is not executable: chmod +x {path}", path=path) if closed else ""


class Hooks:
    """Runs what is in `folder`; `workplace` is where hooks may write."""

    def __init__(self, folder: Path, workplace: Path, seconds: float = 30.0) -> None:
        self._folder, self._workplace, self._seconds = folder, workplace, seconds
        self._free = asyncio.Semaphore(AT_ONCE)
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        """Each hook is told of one thing after the other: one that hangs each time takes one place of two, not both."""

    def files(self) -> Sequence[HookFile]:
        """What is there."""
        return found(self._folder, works_in(self._workplace))

    async def fire(self, event: str, told: JsonObject, ended: Ended | None = None) -> list[HookRun]:
        """Run every hook for one event, and give each to `ended` once it is through; never raises because of a hook."""

        async def run(hook: HookFile) -> HookRun:
            done = await self._one(hook, event, told)
            _log(done, event, told)
            if ended is not None:
                await ended(done)
            return done

        return list(await asyncio.gather(*map(run, self.files())))

    async def _one(self, hook: HookFile, event: str, told: JsonObject) -> HookRun:
        if hook.refused:
            return HookRun(hook.path.name, None, "", Phrase("not run: {refused}", refused=hook.refused))
        async with self._turns[hook.path.name], self._free:
            try:
                return await self._run(hook.path, event, {"event": event, **told})
            except OSError as error:
                return HookRun(
                    hook.path.name,
                    None,
                    "",
                    Phrase("could not be started: {strerror}", strerror=error),
                )

    async def _run(self, path: Path, event: str, told: JsonObject) -> HookRun:
        make_folder(self._workplace)
        mark = f"CLONED_HOOK={secrets.token_hex(16)}"
        process = await hook_process(path, event, self._workplace, mark, LARGEST_FILE_BYTES, works_in(self._workplace))
        trouble, output = "", b""
        try:
            async with asyncio.timeout(self._seconds):
                feeding = asyncio.ensure_future(_feed(process, json.dumps(told, ensure_ascii=False).encode()))
                try:
                    output, flooded = await _read(process)
                    trouble = (
                        Phrase("it wrote more than {flood} MB and was ended", flood=FLOOD >> 20) if flooded else ""
                    )
                    if not flooded:
                        output_over(process)
                        await process.wait()
                finally:
                    feeding.cancel()
        except TimeoutError:
            trouble = Phrase("it did not end within {seconds} s and was ended", seconds=f"{self._seconds:.0f}")
        finally:
            status = await end_hook(process, mark)
        if status == -signal.SIGUSR2:
            raise OSError(int(output), os.strerror(int(output)))
        return _judged(path.name, event, None if trouble else status, output, trouble)


async def _feed(process: asyncio.subprocess.Process, data: bytes) -> None:
    """A hook that does not read loses nothing."""
    assert process.stdin is not None
    with suppress(OSError):
        process.stdin.write(data)
        await process.stdin.drain()
        process.stdin.close()


async def _read(process: asyncio.subprocess.Process) -> tuple[bytes, bool]:
    """The beginning of what it writes, and whether it wrote too much."""
    assert process.stdout is not None
    kept, size = b"", 0
    while part := await process.stdout.read(1 << 16):
        size += len(part)
        kept = kept if len(kept) >= KEPT_BYTES else (kept + part)[:KEPT_BYTES]
        if size > FLOOD:
            return kept, True
    return kept, False


def _judged(name: str, event: str, status: int | None, output: bytes, trouble: str) -> HookRun:
    text = output.decode("utf-8", "replace").strip()
    if not trouble and status:
        trouble = Phrase("it ended with {status}", status=status)
    answer = _answer(text) if event == "asking" and not trouble else None
    return HookRun(name, status, text, trouble, answer)


def _answer(text: str) -> dict[str, str] | None:
    """Tag and label out of the last line, where that is a JSON object with such texts; anything else is only logged."""
    try:
        told = json.loads(text.splitlines()[-1] if text else "")
    except (ValueError, RecursionError):
        return None
    if not isinstance(told, dict):
        return None
    return {key: told[key][:64] for key in ("tag", "label") if isinstance(told.get(key), str) and told[key].strip()}


def _log(run: HookRun, event: str, told: JsonObject) -> None:
    laptop = as_object(told.get("laptop") or {})
    where = f"hook {run.name} ({event}" + (f", laptop {laptop.get('tag') or laptop.get('number')})" if laptop else ")")
    for line in run.output.splitlines()[:LOGGED]:
        log.info("%s: %s", where, quoted(line))
    if run.trouble:
        log.warning("%s: %s", where, run.trouble)
