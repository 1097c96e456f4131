"""A laptop with a password in its firmware, a dead camera and a worn battery: told before anything is written, and after."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

from cloned.lab.windows_key import made_up
from tests.lab.run import labs

pytestmark = [pytest.mark.lab, pytest.mark.slow, labs.needs_root]
LARGEST_BYTES = 64 << 20
"""Of files that are looked through: disks are larger."""
FAULTS = ("locked:1", "no-camera:1", "worn-battery:1")
SAID = (
    "Its firmware has a password", "No camera answers", "Its battery holds less than half of what it held when new",
)  # fmt: skip
KEY, EDITION = made_up(3258), "Windows 10/11 Home"
"""What the firmware of a virtual laptop of the lab holds."""
RULES = {"locked", "camera-missing", "battery-worn"}


@pytest.mark.parametrize("kind", ["thin", "vm"])
def test_password_camera_and_battery_are_told_on_page_sheet_and_inventory_before_and_after(
    tmp_path: Path, kind: str
) -> None:
    words = [word for fault in FAULTS for word in ("--fault", fault)]
    with labs.start(tmp_path, "up", "--laptops", "1", "--kind", kind, "--image", "sample", *words) as process:
        assert process.wait(590) == 0, (tmp_path / labs.LOG).read_text()
    try:
        shop = Shop((tmp_path / labs.LOG).read_text())
        held = shop.until(lambda laptop: laptop["reason"] == "triage-asks")
        assert held["state"] == "asking", "nothing was written, and nothing is before somebody says so"
        assert held["verdict"] == "none"
        shop.shows_all_three(held["id"], "none")
        if kind == "vm":
            shop.shows_the_screen(held["id"], "none")
        code, said = cloned("confirm", held["id"], "--config", shop.config)
        assert code == 0, said
        done = shop.until(lambda laptop: laptop["state"] in ("done", "aside"))
        assert (done["state"], done["verdict"]) == ("done", "verified")
        assert done["undecided"] == ["camera"], "it stands on the wall until somebody decided"
        shop.shows_all_three(held["id"], "verified")
        assert written_to(labs.folders(labs.run_id(tmp_path)), KEY) == [], "a key for Windows stays in its firmware"
    finally:
        assert cloned("lab", "down")[0] == 0
    assert labs.traces(labs.run_id(tmp_path)) == []


class Shop:
    """The lab, from outside: its page, its papers, and what reached the inventory."""

    def __init__(self, said: str) -> None:
        page, config = re.search(r"http://127\.0\.0\.1:\d+", said), re.search(r"--config (\S+?)`", said)
        assert page, said
        assert config, said
        self.page, self.config = page[0], config[1]

    def get(self, path: str) -> bytes:
        with urllib.request.urlopen(f"{self.page}{path}", timeout=60) as answer:
            found: bytes = answer.read()
        return found

    def until(self, true: Callable[[dict[str, Any]], bool], seconds: float = 480) -> dict[str, Any]:
        """The laptop, once it is so."""
        end = time.monotonic() + seconds
        while True:
            state = json.loads(self.get("/api/v1/state"))
            for laptop in state["laptops"]:
                if true(laptop):
                    found: dict[str, Any] = laptop
                    return found
            assert time.monotonic() < end, [(each["state"], each["why"]) for each in state["laptops"]]
            time.sleep(0.5)

    def shows_all_three(self, ident: str, verdict: str) -> None:
        page = self.get(f"/laptops/{ident}?lang=en").decode()
        sheet = " ".join(
            PdfReader(io.BytesIO(self.get(f"/laptops/{ident}/sheet.pdf?lang=en"))).pages[0].extract_text().split()
        )
        for words in SAID:
            assert words in page, page
            assert words in sheet, sheet
        assert EDITION in page
        assert EDITION in sheet
        assert "28" in re.findall(r"(\d+)\s*%", sheet), "how much the battery still holds"
        row = self.row(ident, verdict)
        assert {each["rule"] for each in row["remarks"]} >= RULES
        assert row["hardware"]["camera"] is False
        assert row["hardware"]["product_key_edition"] == EDITION
        assert row["hardware"]["passwords"] == ["administrator"]
        assert [(each["full_wh"], each["cycles"]) for each in row["hardware"]["batteries"]] == [(14.0, 812)]
        for kind in ("csv", "jsonl"):
            file = Path(self.config).parent / f"all.{kind}"
            code, said = cloned("inventory", "export", str(file), "--config", self.config)
            assert code == 0, said
            told = file.read_text("utf-8-sig")
            assert [words for words in SAID if words not in told] == [], told
        assert json.loads(told.splitlines()[-1])["verdict"] == verdict

    def shows_the_screen(self, ident: str, verdict: str) -> None:
        """QEMU's, as its BIOS tells it; a thin laptop has none of its own."""
        [screen] = [each["screen"] for each in json.loads(self.get("/api/v1/state"))["laptops"]]
        assert screen == {"width": 1280, "height": 800, "inches": 15.1}
        page = self.get(f"/laptops/{ident}?lang=nl").decode()
        assert "<dt>Scherm</dt><dd>1280 x 800, 15,1 inch</dd>" in page
        sheet = PdfReader(io.BytesIO(self.get(f"/laptops/{ident}/sheet.pdf?lang=nl"))).pages[0].extract_text()
        assert "1280 x 800, 15,1 inch" in " ".join(sheet.split())
        assert self.row(ident, verdict)["hardware"]["panel"]["width_mm"] == 325
        code, said = cloned("triage", "explain", ident, "--config", self.config)
        assert code == 0, said
        assert re.search(r"screen_height_below.*800", said), said

    def row(self, ident: str, verdict: str) -> dict[str, Any]:
        """Its newest row in the ledger, once it is of this verdict."""
        end = time.monotonic() + 60
        while True:
            rows = [row for row in json.loads(self.get("/api/v1/ledger")) if row["laptop"] == ident]
            for row in rows:
                if row["verdict"] == verdict:
                    found: dict[str, Any] = row
                    return found
            assert time.monotonic() < end, rows
            time.sleep(0.5)


def written_to(folders: list[Path], key: str) -> list[str]:
    """Files that hold it, but the firmware's own: journal, ledger, logs, screens, whatever a lab leaves."""
    found, seen = [], 0
    for path in (path for folder in folders for path in folder.rglob("*") if path.is_file() and not path.is_symlink()):
        if path.name == "msdm.bin" or path.stat().st_size > LARGEST_BYTES:
            continue
        content, seen = path.read_bytes(), seen + 1
        if any(each.encode() in content for each in (key, key.replace("-", ""))):
            found.append(str(path))
    assert seen > 5, folders
    return found


def cloned(*words: str) -> tuple[int, str]:
    """Exit status and words of a command."""
    program = [sys.executable, "-c", "from cloned.cli.main import main; main()"]
    done = subprocess.run([*program, *words], capture_output=True, text=True, timeout=200, check=False)
    return done.returncode, done.stdout + done.stderr
