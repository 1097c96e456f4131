"""snmpsim's responder with the recordings of real switches, for the tests of this folder."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from cloned import processes
from cloned.switch.snmp.presence import engine_discovery

FIELD = Path(__file__).resolve().parents[2] / "data" / "field"
SWITCHES = Path(__file__).resolve().parents[4] / "shared" / "switches"


@dataclass(frozen=True)
class Responder:
    """Where it answers; the community, or the v3 context, is the name of a recording."""

    address: str
    recordings: Path
    user: str = "cloned"
    auth_key: str = "a key to authenticate"
    privacy_key: str = "a key to encrypt with"


def _answers(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.settimeout(0.5)
        probe.connect(("127.0.0.1", port))
        try:
            probe.send(engine_discovery())
            return probe.recv(2048) != engine_discovery()  # a UDP socket may have been given this very port
        except OSError:
            return False


@pytest.fixture(scope="session")
def switches() -> Path:
    """The recordings of real switches, which are not ours to keep here."""
    if not any(SWITCHES.glob("*.snmprec")):
        pytest.skip("the recordings of switches are not at ../shared/switches")
    return SWITCHES


@pytest.fixture(scope="session", params=["SHA256"])
def responder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Responder]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    known = Responder(f"127.0.0.1:{port}", SWITCHES)
    process = processes.spawn(
        [
            Path(sys.executable).with_name("snmpsim-command-responder"),
            "--process-user=root",
            "--process-group=root",
            "--logging-method=null",
            *(f"--data-dir={folder}" for folder in (SWITCHES, FIELD) if folder.is_dir()),
            f"--cache-dir={tmp_path_factory.mktemp('snmpsim')}",
            f"--agent-udpv4-endpoint={known.address}",
            f"--v3-user={known.user}",
            f"--v3-auth-key={known.auth_key}",
            f"--v3-auth-proto={request.param}",
            f"--v3-priv-key={known.privacy_key}",
            "--v3-priv-proto=AES",
        ]
    )
    try:
        ready = time.monotonic() + 60
        while not _answers(port):
            assert process.poll() is None, "snmpsim's responder ended"
            assert time.monotonic() < ready, "snmpsim's responder does not answer"
        yield known
    finally:
        process.terminate()
        process.wait(10)
