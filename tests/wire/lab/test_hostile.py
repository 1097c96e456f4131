"""The hostile actors against both ports, without a lab: they really do what they say, and both ports answer on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import requests

from cloned.lab.hostile.actor import HostileActor, HostileSpec
from cloned.lab.hostile.rogue import RogueLaptop
from cloned.lab.hostile.stranger import Stranger
from cloned.lab.hostility import quarter_core
from tests.wire.test_hostile_bodies import boot, page

__all__ = ["boot", "page"]
pytestmark = [pytest.mark.wire, pytest.mark.filterwarnings("ignore")]


def spec(role: str, boot_url: str, page_url: str, folder: Path) -> HostileSpec:
    ports = [int(url.rpartition(":")[2]) for url in (boot_url, page_url)]
    mac = "02:00:00:00:00:66"
    overheard = folder / "overheard.json"
    return HostileSpec(role, 7, 3.0, "127.0.0.1", *ports, ("02:00:00:00:00:01",), mac, str(overheard), "")


def test_a_spec_goes_to_the_actor_and_comes_out_the_same(tmp_path: Path) -> None:
    asked = spec("stranger", "http://x:1", "http://x:2", tmp_path)
    assert HostileSpec.read(asked.text()) == asked


@pytest.mark.parametrize("kind", [Stranger, RogueLaptop])
def test_both_ports_answer_while_and_after_somebody_misbehaves(
    kind: type[HostileActor], boot: tuple[str, str], page: str, tmp_path: Path
) -> None:
    stream = {"session": "7" * 16, "group": "239.192.0.1", "port": 46000, "server": "127.0.0.1", "request_port": 43999}
    (tmp_path / "overheard.json").write_text(json.dumps(stream))
    actor = kind(spec("stranger", boot[0], page, tmp_path))
    for deed in actor.deeds():
        try:
            deed()
        except (OSError, ValueError):
            continue
    for held in actor._held:
        held.close()
    assert requests.get(f"{page}/healthz", timeout=10).status_code == 200
    assert requests.post(f"{boot[0]}/agent/v1/report", timeout=10).status_code == 401


def test_a_run_tells_what_it_did(boot: tuple[str, str], page: str, tmp_path: Path) -> None:
    done = Stranger(spec("stranger", boot[0], page, tmp_path)).run()
    assert sum(done.values()) > 3
    assert any("cut off" not in name for name in done)


def test_a_control_group_leaves_nothing_behind() -> None:
    group = quarter_core("cltest")
    if group is not None:
        group.rmdir()
        assert not group.exists()
