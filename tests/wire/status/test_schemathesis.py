"""schemathesis against the running page, with every check of its own: authenticated and not, it finds nothing."""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import pytest

pytestmark = [pytest.mark.wire, pytest.mark.slow]
STREAMS = ("/events", "/api/v1/events")
"""They have no end, so nothing can be asked of them but the beginning, which test_events.py does."""
PROGRAM = shutil.which("schemathesis") or str(Path(sys.executable).parent / "schemathesis")


@pytest.fixture
def schemathesis(tmp_path: Path) -> Callable[..., Awaitable[tuple[int, str]]]:
    """Runs it; what it keeps of failures stays out of the checkout."""
    return partial(run_schemathesis, tmp_path)


async def run_schemathesis(folder: Path, url: str, *more: str) -> tuple[int, str]:
    """Its exit status and what it says."""
    streams = [word for path in STREAMS for word in ("--exclude-path", path)]
    running = await asyncio.create_subprocess_exec(
        PROGRAM, "run", f"{url}/api/v1/openapi.json", *streams, "--max-examples", "20", "--seed", "1", "--no-color", *more,
        cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, env={"COLUMNS": "160", "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    said, _ = await running.communicate()
    return running.returncode or 0, said.decode(errors="replace")


@pytest.mark.parametrize("token", [True, False])
async def test_it_finds_nothing(house, token, schemathesis):
    more = ("-H", f"Authorization: Bearer {house.token}") if token else ()
    status, said = await schemathesis(house.url, *more)
    assert status == 0, said[-6000:]


async def test_it_would_find_something(house, schemathesis):
    """A daemon whose answers are not as the document says is noticed."""
    house.workshop.snapshot = lambda: 1 / 0
    status, said = await schemathesis(house.url, "--include-path", "/api/v1/state", "--phases", "fuzzing")
    assert status != 0
    assert "500" in said
