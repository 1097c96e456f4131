"""systemd's own judgement of the unit: it is understood, and closes what it can."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from cloned.assets import root
from cloned.processes import run

pytestmark = [pytest.mark.wire, pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd-analyze")]


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit with a program that is there wherever the tests run."""
    text = (root("systemd") / "cloned.service").read_text()
    path = tmp_path / "cloned.service"
    path.write_text(text.replace("/opt/cloned/bin/cloned", "/bin/true").replace("man:cloned(1) ", ""))
    return path


def test_the_exposure_is_low(unit: Path) -> None:
    told = run(["systemd-analyze", "security", "--offline=yes", "--no-pager", unit]).stdout.decode()
    level = re.search(r"Overall exposure level for \S+: ([\d.]+)", told)
    assert level
    assert float(level[1]) <= 2.0


def test_systemd_understands_every_line(unit: Path) -> None:
    done = run(["systemd-analyze", "verify", "--man=no", unit], check=False)
    assert b"cloned.service" not in done.stderr


def test_never_root_and_three_capabilities() -> None:
    text = (root("systemd") / "cloned.service").read_text()
    lines = dict(line.split("=", 1) for line in text.splitlines() if "=" in line and not line.startswith("#"))
    wanted = "CAP_NET_BIND_SERVICE CAP_NET_RAW CAP_NET_ADMIN"
    assert (lines["User"], lines["AmbientCapabilities"], lines["CapabilityBoundingSet"]) == ("cloned", wanted, wanted)
