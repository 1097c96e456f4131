"""What agents tell over real sockets: what of it is believed, what is written down, and what is nonsense."""

from __future__ import annotations

from typing import Any

import pytest

from cloned.core.events import Configured, PartsTold, Ready, Settings
from cloned.core.hardware import Hardware, Screen
from cloned.core.laptop import State
from tests.wire.netboot.agent_site import FACTS, MANIFEST, Site, at_work, judged, read_back

pytestmark = pytest.mark.wire


@pytest.mark.parametrize("body", [[], "x", {"round": "1"}, {"round": 1}, {"round": 1, "pieces": "???"}, {"round": -1}])
async def test_nonsense_is_answered_and_changes_nothing(site: Site, body: Any) -> None:
    await site.boot()
    await site.call("hello", FACTS)
    session = (await site.call("report", {"state": "idle"}))[1]["session"]
    before = site.engine.workshop.laptops
    if isinstance(body, dict):
        body["session"] = session
    status, answer = await site.call("readback", body)
    assert status == 400
    assert answer["error"]
    assert site.engine.workshop.laptops == before


async def test_a_verdict_is_the_daemons_not_the_laptops(site: Site) -> None:
    await site.boot()
    await site.call("hello", FACTS)
    session = (await site.call("report", {"state": "idle"}))[1]["session"]
    await site.call("ready", {"session": session})
    lie = read_back(session, 1, (b"x" * 32, b"y" * 32)) | {"verdict": "verified", "image_hash": MANIFEST.image_hash}
    assert (await site.call("readback", lie))[1]["verdict"] == "differs"
    await site.call("finished", {"session": session, "steps": []})
    assert site.laptop.state is State.RECEIVING


@pytest.mark.parametrize("name", ["failed", "ready", "finished", "report"])
async def test_half_a_character_is_nobodys_end(site: Site, name: str) -> None:
    session = await at_work(site)
    half = "\ud800\x00\x1b[2J"
    bodies = {
        "failed": {"code": half, "detail": half},
        "ready": {"session": session, "cleared": [half], "discarded": half},
        "finished": {"session": half, "steps": [{"name": half, "result": half, "detail": half}]},
        "report": {"state": half, "session": half, "round": half, "said": half, "rate": 1e-300, "total": 1e17},
    }
    status, _ = await site.call(name, bodies[name])
    assert status in (200, 400, 409)
    for laptop in site.engine.workshop.laptops.values():
        str(laptop).encode()


async def test_what_does_not_apply_is_not_journalled(site: Site) -> None:
    session = await at_work(site)
    before = site.engine.workshop
    for told in ("other", session.upper() + "x", 7, None, {}):
        assert (await site.call("ready", {"session": told}))[1] == {"ok": False}
    assert (await site.call("finished", {"steps": []}))[0] == 200
    assert site.engine.workshop is before


async def test_one_that_failed_is_set_aside_and_says_so_once(site: Site) -> None:
    await at_work(site)
    assert (await site.call("failed", {"code": "no-memory", "detail": "bad luck"}))[0] == 200
    assert (site.laptop.state, str(site.laptop.reason)) == (State.ASIDE, "no-memory")
    history = site.laptop.history
    assert (await site.call("failed", {"code": "no-disk", "detail": "worse"}))[1] == {"ok": True}
    assert (site.laptop.history, str(site.laptop.reason)) == (history, "no-memory")


async def test_a_test_that_nobody_asked_for_is_not_written_down(site: Site) -> None:
    await site.engine.submit(Configured(Settings(confirm="auto", default_image="school", tests=("memory",))))
    await site.boot()
    await site.call("hello", FACTS)
    told = {"name": "memory", "result": "passed", "why": "", "seconds": 1.0}
    assert (await site.call("test", {**told, "name": "battery"}))[0] == 200
    assert site.laptop.trials == ()
    assert (await site.call("test", told))[0] == 200
    assert [(each.name, str(each.result)) for each in site.laptop.trials] == [("memory", "passed")]


async def test_rates_that_never_end_are_not_shown(site: Site) -> None:
    await at_work(site)
    for rate in (1e-300, 5e-324, 0.001):
        await site.call("report", {"state": "receiving", "rate": rate, "total": 1e17, "bytes": 0})
        [figures] = site.monitor.progress.values()
        assert figures["left_seconds"] is None
        assert "rate" not in figures


async def test_parts_that_are_told_later_are_journalled_once(site: Site) -> None:
    """An older agent tells none: its reports stay as they are."""
    await site.boot()
    await site.call("hello", FACTS | {"hardware": {"threads": 4, "late": ["batteries"]}})
    told = {"panel": {"width": 1366, "height": 768, "width_mm": 309, "height_mm": 174}, "late": []}
    for report in ({"state": "idle"}, {"state": "idle", "parts": told}, {"state": "idle", "parts": told}):
        assert (await site.call("report", report))[0] == 200
    hardware = site.laptop.facts.hardware
    assert (hardware.panel, hardware.threads, hardware.late) == (Screen(1366, 768, 309, 174), 4, ())
    written = [entry.event for entry in site.engine._journal.entries() if isinstance(entry.event, PartsTold)]
    assert written == [PartsTold(site.laptop.id, Hardware(panel=Screen(1366, 768, 309, 174)))]


async def test_a_look_at_what_the_disk_held_is_no_verdict(site: Site) -> None:
    session = await at_work(site)
    await site.call("ready", {"session": session})
    before = site.laptop
    status, found = await site.call("readback", read_back(session, 0))
    assert (status, found["verdict"]) == (200, "verified")
    assert site.laptop == before
    assert judged(site) == []


@pytest.mark.parametrize(("told", "kept"), [(True, True), (False, False), ("yes", False), (None, False)])
async def test_a_disk_was_emptied_only_where_the_agent_says_so(site: Site, told: Any, kept: bool) -> None:
    session = await at_work(site)
    await site.call("ready", {"session": session, "discarded": told})
    [ready] = [entry.event for entry in site.engine._journal.entries() if isinstance(entry.event, Ready)]
    assert ready.discarded is kept


@pytest.mark.parametrize(
    ("seconds", "during", "kept"),
    [
        (12.5, 3, (12.5, 3)),
        (0, 0, (0.0, 0)),
        (-1, -1, (0.0, 0)),
        (10**7, 10**9, (0.0, 0)),
        ("12", 1.5, (0.0, 0)),
    ],
)
async def test_what_cannot_be_is_not_taken_of_a_read_back(
    site: Site, seconds: Any, during: Any, kept: tuple[float, int]
) -> None:
    session = await at_work(site)
    await site.call("ready", {"session": session})
    told = {"seconds": {"verifying": seconds}, "smart": {"during": during}}
    assert (await site.call("readback", read_back(session, 1000) | told))[0] == 200
    assert [(each.verifying, each.reallocated) for each in judged(site)] == [kept]
    assert (await site.call("readback", read_back(session, 1001)))[0] == 400


async def test_a_read_back_is_of_the_session_that_the_laptop_is_at_work_in(site: Site) -> None:
    session = await at_work(site)
    await site.call("ready", {"session": session})
    assert (await site.call("readback", read_back("another", 1)))[0] == 409
    await site.call("failed", {"code": "no-memory", "detail": ""})
    for named in (session, None):
        assert (await site.call("readback", read_back(session, 1) | {"session": named}))[0] == 409
    assert judged(site) == []


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ({}, ""),
        ({"detail": "bad\nluck"}, "bad luck"),
        ({"detail": {"message": "{disk} is gone", "values": {"disk": "/dev/sda"}}}, "/dev/sda is gone"),
    ],
)
async def test_why_it_failed_is_a_sentence_or_plain_words_or_nothing(site: Site, told: Any, kept: str) -> None:
    await at_work(site)
    assert (await site.call("failed", {"code": "no-memory", **told}))[0] == 200
    assert (site.laptop.state, site.laptop.detail) == (State.ASIDE, kept)
