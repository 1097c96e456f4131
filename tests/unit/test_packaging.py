"""What the Debian packages are made from: dependencies, locked wheels, scripts that shells understand and that download nothing."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from cloned.assets import root
from cloned.processes import run

pytestmark = pytest.mark.wire  # real programs

TOP = root("systemd").parent
PACKAGING = TOP / "systemd" / "packaging"
SCRIPTS = sorted(
    path
    for path in (PACKAGING / "debian").iterdir()
    if path.suffix in (".preinst", ".postinst", ".prerm", ".postrm", ".config")
)
ESSENTIAL = {"gzip"}
"""Debian's policy forbids to depend on what is always there."""


def test_every_program_of_a_server_is_a_dependency() -> None:
    listed = re.search(r"SERVER_PACKAGES := ((?:.*\\\n)*.*)", (TOP / "Makefile").read_text())
    assert listed
    control = (PACKAGING / "debian" / "control").read_text()
    wanted = set(listed[1].replace("\\", " ").split()) - ESSENTIAL - {"python3-venv"}
    assert {name for name in wanted if not re.search(rf"[ ,|]{re.escape(name)}\b", control)} == set()


def test_the_wheels_are_locked_and_scapy_is_not_among_them() -> None:
    told = run([sys.executable, PACKAGING / "wheels", "requirements.lock"], cwd=TOP).stdout.decode()
    names = re.findall(r"^([a-z0-9-]+)==", told, re.MULTILINE)
    assert {"aiohttp", "pydantic", "psycopg-binary", "sqlalchemy", "fonttools"} <= set(names)
    assert not {"scapy", "pytest", "hypothesis", "mypy"} & set(names)
    assert all("--hash=sha256:" in part for part in re.split(r"\n(?=[a-z])", told.strip()))


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_a_maintainer_script_is_a_script_and_downloads_nothing(path: Path) -> None:
    run(["sh", "-n", path])
    assert not re.search(r"\b(curl|wget|pip|apt-get|apt|mmdebstrap|git)\b", path.read_text())
    assert "set -e" in path.read_text()


@pytest.mark.parametrize("name", ["build", "repo", "check"])
def test_a_build_script_is_understood(name: str) -> None:
    run(["bash", "-n", PACKAGING / name])


def test_every_override_is_explained() -> None:
    lines = (PACKAGING / "debian" / "cloned.lintian-overrides").read_text().splitlines()
    for number, line in enumerate(lines):
        if not line.startswith("#"):
            above = next(each for each in reversed(lines[:number]) if each.startswith("#"))
            assert len(above) > 20
