"""Nothing is left of a lab, however it ends."""

from __future__ import annotations

import json
import signal
import subprocess
import urllib.request
from pathlib import Path

import pytest

from tests.lab.run.labs import CLONED, LOG, folders, needs_root, run_id, start, traces, until_said
from tests.waiting import block_until

pytestmark = [pytest.mark.lab, needs_root]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_in_the_middle(tmp_path: Path, number: signal.Signals) -> None:
    words = ("--kind", "thin", "--laptops", "3", "--image", "bulk", "--fault", "slow-disk:1:30")
    with start(tmp_path, "run", *words) as process:
        until_said(tmp_path, "receiving")
        ident = run_id(tmp_path)
        assert traces(ident)
        process.send_signal(number)
        assert process.wait(60) == 130
    assert traces(ident) == []
    assert folders(ident) == []


def test_a_kill_leaves_files_alone_and_down_removes_them(tmp_path: Path) -> None:
    words = ("--kind", "thin", "--laptops", "3", "--image", "bulk", "--fault", "slow-disk:1:30")
    with start(tmp_path, "run", *words) as process:
        until_said(tmp_path, "receiving")
        ident = run_id(tmp_path)
        process.kill()
    block_until(lambda: not traces(ident), "the end of all that the lab had made")
    assert folders(ident)
    done = subprocess.run([*CLONED, "down"], capture_output=True, text=True, check=True)
    assert f"{ident}: removed what was left" in done.stdout
    assert folders(ident) == []


def test_up_stays_until_down(tmp_path: Path) -> None:
    with start(tmp_path, "up", "--kind", "thin", "--laptops", "1") as process:
        assert process.wait(300) == 0, (tmp_path / LOG).read_text()
    ident = run_id(tmp_path)
    try:
        page = next(word for word in (tmp_path / LOG).read_text().split() if word.startswith("http://127.0.0.1"))
        with urllib.request.urlopen(f"{page.rstrip(',')}api/v1/state", timeout=10) as answer:
            assert json.load(answer)["workshop"]
    finally:
        subprocess.run([*CLONED, "down"], check=True)
    assert traces(ident) == []
    assert folders(ident) == []
