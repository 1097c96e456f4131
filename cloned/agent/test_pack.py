"""The test pack on a laptop: fetched, mounted, its programs and drivers put where programs and drivers are looked for.

Only laptops that are to be tested fetch it (live/pack.py builds it). Where it is missing or was made for another kernel
nothing breaks: tests that need it say why they were not done.
"""

from __future__ import annotations

import http.client
import os
import shutil
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

from cloned.agent import panels
from cloned.agent.client import length
from cloned.agent.options import AgentOptions
from cloned.agent.tools import ToolError, run
from cloned.agent.trial_tools import Hands
from cloned.json_data import JsonObject
from cloned.saying import Phrase, spoken

PATH = "/live/tests.squashfs"
MOST_BYTES = 512 * 1024 * 1024
"""Bytes of a pack, and of memory that must stay free beside it."""
_ROOM = 128 * 1024 * 1024
_CHUNK = 1 << 18
_FIRMWARE_PATH = "/sys/module/firmware_class/parameters/path"
_DRIVERS = """
echo none >/run/pack-seen
while :; do
    cat /sys/bus/*/devices/*/modalias 2>/dev/null | sort -u >/run/pack-found
    grep -vxFf /run/pack-seen /run/pack-found >/run/pack-new || break
    xargs modprobe -abq </run/pack-new 2>/dev/null
    mv /run/pack-found /run/pack-seen
    sleep 0.5
done
"""
"""As the live system's init does it: drivers bring up buses that hold more devices."""
DRIVERS_LIMIT_SECONDS = 60.0
"""Seconds after which a driver that hangs is left alone."""
LOOKS_AT_PANEL = 20
"""Times, a second apart, that the screen is looked for: some drivers light it up only after they are loaded."""


class TestPack:
    """The pack of one boot; `enter` may be called before every test."""

    __test__ = False  # for pytest

    def __init__(
        self,
        options: AgentOptions,
        root: str = "/",
        home: str = "/run",
        learnt: Callable[[JsonObject], None] = lambda parts: None,
    ) -> None:
        """`root`: where it is laid out; `home`: where file and mount are; `learnt` hears of parts that drivers find."""
        self._options, self._root, self._home, self._learnt = options, Path(root), Path(home), learnt
        self._said: str | None = None
        self._lock = threading.Lock()

    def enter(self, hands: Hands) -> str:
        """Have it, once: empty, or why it is not there. Cancelled where the laptop has real work meanwhile."""
        with self._lock:  # tests that need nobody and those with a person both want it
            if self._said is None:
                self._said = self._entered(hands) if self._options.live else ""
            return self._said

    def _entered(self, hands: Hands) -> str:
        file, mount = self._home / "tests.squashfs", self._home / "tests"
        try:
            self._fetch(file, lambda: hands.pause(0))
            mount.mkdir(exist_ok=True)
            run(["mount", "-t", "squashfs", "-o", "ro", str(file), str(mount)])
        except (OSError, ToolError, http.client.HTTPException) as error:
            return Phrase("the test pack could not be had: {why}", why=_words(error))
        kernel = os.uname().release
        if not (mount / "usr/lib/modules" / kernel).is_dir():
            run(["umount", str(mount)], accept=range(256))
            return Phrase("the test pack is for another kernel than {kernel}", kernel=kernel)
        lay_out(mount, self._root)
        self._drivers(mount, hands)
        return ""

    def _fetch(self, target: Path, going_on: Callable[[], None]) -> None:
        """OSError where the server has none, or memory is scarce; once more where the server went away meanwhile."""
        for last in (False, False, True):
            try:
                return self._fetch_once(target, going_on)
            except urllib.error.HTTPError:
                raise
            except (OSError, http.client.HTTPException):
                if last:
                    raise
        return None

    def _fetch_once(self, target: Path, going_on: Callable[[], None]) -> None:
        with target.open("wb") as file:
            for chunk, total in self._chunks():
                going_on()
                if total > MOST_BYTES or shutil.disk_usage(self._home).free < _ROOM:
                    raise OSError(Phrase("it is too large for this laptop's memory"))
                file.write(chunk)

    def _chunks(self) -> Iterator[tuple[bytes, int]]:
        url = f"http://{self._options.host}:{self._options.port}{PATH}"
        request = urllib.request.Request(url, headers={"Authorization": f"Bearer {self._options.token}"})
        done = total = 0
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - from the kernel's command line
            total = length(answer.headers["Content-Length"])
            while chunk := answer.read(_CHUNK):
                done += len(chunk)
                if done > total:
                    raise OSError("it is longer than was said")
                yield chunk, total
        if done != total:
            raise OSError(Phrase("it was cut short"))

    def _drivers(self, mount: Path, hands: Hands) -> None:
        """Load the drivers of what is there; whatever hangs is left behind."""
        if (mount / "usr/lib/firmware").is_dir():
            Path(_FIRMWARE_PATH).write_text(str(mount / "usr/lib/firmware"))
        hands.run(["sh", "-c", _DRIVERS], DRIVERS_LIMIT_SECONDS)
        threading.Thread(target=self._look_for_panel, name="screen", daemon=True).start()

    def _look_for_panel(self) -> None:
        """In a thread of its own: a driver that hangs takes only this along."""
        for _ in range(LOOKS_AT_PANEL):
            if (found := panels.panel()) is not None:
                return self._learnt({"panel": found})
            time.sleep(1)
        return None


def lay_out(pack: Path, root: Path) -> None:
    """Link everything of the pack to its place; its index of drivers takes the place of the live system's."""
    for folder, _, names in os.walk(pack / "usr"):
        inside = os.path.relpath(folder, pack)
        if names and inside.split(os.sep)[:3] != ["usr", "lib", "firmware"]:
            os.makedirs(root / inside, exist_ok=True)
            for name in names:
                _link(f"{folder}/{name}", f"{root}/{inside}/{name}", over=name.startswith("modules."))


def _link(source: str, place: str, *, over: bool) -> None:
    """Strings and few calls: there are thousands of files, and a person waits."""
    try:
        os.symlink(source, place)
    except FileExistsError:
        if over:
            os.symlink(source, f"{place}.new")
            os.replace(f"{place}.new", place)


def _words(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return (
            Phrase("the server has none") if error.code == 404 else Phrase("the server answers {code}", code=error.code)
        )
    return spoken(error)
