"""The netboot room notices what becomes of the interface that it serves on, and goes on meanwhile."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cloned.lab.network import NIC, LabNetwork, ip

pytestmark = [pytest.mark.wire, pytest.mark.skipif(os.geteuid() != 0, reason="needs root")]


@pytest.fixture
def network() -> Iterator[LabNetwork]:
    """A server alone at a switch."""
    made = LabNetwork(f"cl{secrets.token_hex(2)}", 0)
    try:
        made.build()
        made.plug_server()
        yield made
    finally:
        made.close()


def until(out: Path, server: subprocess.Popen[bytes], true: Callable[[set[str]], bool]) -> None:
    """Wait for warnings of these codes."""
    end = time.monotonic() + 60
    while not (out.exists() and true({each["code"] for each in json.loads(out.read_text())["warnings"]})):
        assert server.poll() is None
        assert time.monotonic() < end
        time.sleep(0.1)


def test_a_link_and_an_address_that_go_and_come_back(network: LabNetwork, tmp_path: Path) -> None:
    config, out = tmp_path / "cloned.toml", tmp_path / "out"
    config.write_text(
        f'[workshop]\nstate = "{tmp_path}/state"\nruntime = "{tmp_path}/run"\n'
        f'[boot]\nlive = "{tmp_path}/live"\nfiles = "{tmp_path}/boot"\n[network]\ninterfaces = ["{NIC}"]\n'
    )
    program: list[Any] = [sys.executable, "-W", "error", "-m", "cloned.lab.bootserver", config, out]
    with subprocess.Popen(["ip", "netns", "exec", network.server, *program], stderr=subprocess.PIPE) as server:
        try:
            until(out, server, lambda codes: "files-missing" in codes and "link-down" not in codes)
            ip(network.switch, f"link set {network.port(1)} down")
            until(out, server, lambda codes: "link-down" in codes)
            ip(network.switch, f"link set {network.port(1)} up")
            until(out, server, lambda codes: "link-down" not in codes)
            ip(network.server, f"addr del 10.77.0.1/22 dev {NIC}")
            until(out, server, lambda codes: "address-gone" in codes)
            ip(network.server, f"addr add 10.77.0.1/22 brd + dev {NIC}")
            until(out, server, lambda codes: "address-gone" not in codes)
        finally:
            server.terminate()
            said = server.communicate(timeout=60)[1]
    assert (server.returncode, said) == (0, b"")
